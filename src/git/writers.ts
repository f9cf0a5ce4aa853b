/** When each child of this process that may hold a lock was started, by repository. */
const startsByRepo = new Map<string, Set<{ startedAtMs: number }>>();

/** Counts a child that writes to `repo`, until the answer is called. */
export function countWriter(repo: string): () => void {
  const writer = { startedAtMs: Date.now() };
  const writers = startsByRepo.get(repo) ?? new Set();
  startsByRepo.set(repo, writers.add(writer));
  return () => {
    writers.delete(writer);
    if (writers.size === 0 && startsByRepo.get(repo) === writers) startsByRepo.delete(repo);
  };
}

/** When the oldest live writer was started: a lock from before is nobody's. Infinity without one. */
export function oldestWriterMs(repo: string): number {
  return Math.min(...[...(startsByRepo.get(repo) ?? [])].map(({ startedAtMs }) => startedAtMs));
}
