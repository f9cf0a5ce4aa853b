const lastByRepo = new Map<string, Promise<unknown>>();

/**
 * One at a time for each repository: a check that looks while packs are joined
 * would find them missing.
 */
export async function takeTurn<T>(repo: string, work: () => Promise<T>): Promise<T> {
  const before = lastByRepo.get(repo) ?? Promise.resolve();
  const turn = before.then(work, work);
  lastByRepo.set(repo, turn);
  try {
    return await turn;
  } finally {
    if (lastByRepo.get(repo) === turn) lastByRepo.delete(repo);
  }
}
