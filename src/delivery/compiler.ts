import { changedPaths } from '../git/history.ts';
import type { ObjectPool } from '../git/object-pool.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Result } from '../model/result.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { compile, fragmentsOf } from '../registry/compile.ts';
import type { Fragment } from '../registry/fragment.ts';
import type { ParsePool } from '../registry/parse-pool.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import type { ContentSink, TreeSource } from '../registry/source.ts';
import type { Published } from './published.ts';
import { HistoryIndex, HistoryTooShort, recordPlugins } from './record.ts';

const FLUSH_BYTES = 16 * 1024 * 1024;

/**
 * Holds a compile's new contents until they are known to be wanted: a refused
 * push leaves nothing behind, save what a huge one had to let go of before.
 */
export class PendingContents implements ContentSink {
  readonly #artifacts: ArtifactStore;
  #held = new Map<string, Buffer>();
  #bytes = 0;

  constructor(artifacts: ArtifactStore) {
    this.#artifacts = artifacts;
  }

  async add(hex: string, bytes: Buffer): Promise<void> {
    if (this.#held.has(hex) || this.#artifacts.has(hex)) return;
    this.#held.set(hex, bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > FLUSH_BYTES) await this.store();
  }

  /** Durable when it resolves. */
  async store(): Promise<void> {
    const held = [...this.#held.values()];
    this.#held = new Map();
    this.#bytes = 0;
    if (held.length > 0) await this.#artifacts.write(held);
  }
}

const sourceOf = (pool: ObjectPool): TreeSource => ({
  readTree: (oid) => pool.readTree(oid),
  readSizes: (oids) => Promise.all(oids.map((oid) => sizeOf(pool, oid))),
  readBlobs: (oids) => pool.readMany(oids),
});

async function sizeOf(pool: ObjectPool, oid: string): Promise<number> {
  const found = await pool.find(oid);
  if (found) return found.size;
  throw new WaymarkError('REG_CORRUPT', `object ${oid} is missing from the repository`);
}

export interface Compiler {
  repo: string;
  pool: ObjectPool;
  artifacts: ArtifactStore;
  parsers: ParsePool;
}

/** Compiles a commit's tree and stores its contents; nothing is stored when it fails. */
export async function compileCommit(
  { artifacts, parsers }: Pick<Compiler, 'artifacts' | 'parsers'>,
  pool: ObjectPool,
  commit: string,
  base: Snapshot | undefined,
): Promise<Result<Snapshot, Diagnostic[]>> {
  const { tree } = await pool.readCommit(commit);
  const sink = new PendingContents(artifacts);
  const result = await compile({ source: sourceOf(pool), tree, base, sink, pool: parsers });
  if (result.ok) await sink.store();
  return result;
}

/** Puts a compiled commit in its place in history: the base's, grown, where that is enough. */
export async function placeInHistory(
  { repo, pool }: Pick<Compiler, 'repo' | 'pool'>,
  commit: string,
  snapshot: Snapshot,
  base: Published | undefined,
): Promise<Omit<Published, 'snapshot' | 'replaced' | 'isCurrent'>> {
  const { config, warnings } = snapshot;
  const grown = base && (await readHistory({ repo, pool }, commit, base, snapshot));
  if (grown) {
    try {
      const records = recordPlugins(snapshot, base.records, grown.history);
      return { commit, ordinal: grown.ordinal, records, config, warnings };
    } catch (error) {
      if (!(error instanceof HistoryTooShort)) throw error;
    }
  }
  const { history, ordinal } = (await readHistory({ repo, pool }, commit, undefined, snapshot))!;
  const records = recordPlugins(snapshot, undefined, history);
  return { commit, ordinal, records, config, warnings };
}

/** Undefined when the base is not on the commit's first-parent line. */
async function readHistory(
  { repo, pool }: Pick<Compiler, 'repo' | 'pool'>,
  head: string,
  base: Published | undefined,
  snapshot: Snapshot,
): Promise<{ history: HistoryIndex; ordinal: number } | undefined> {
  if (base && (await pool.readCommit(head)).parents[0] === base.commit) {
    const ordinal = base.ordinal + 1;
    const history = new HistoryIndex();
    history.add({ commit: head, ordinal, paths: touchedPaths(await base.snapshot(), snapshot) });
    return { history, ordinal };
  }
  const commits: { commit: string; paths: string[] }[] = [];
  for await (const { commit, changes } of changedPaths(repo, { head, after: base?.commit })) {
    commits.push({ commit, paths: changes.map(({ path }) => path) });
  }
  const oldest = commits.at(-1);
  if (base && oldest) {
    const { parents } = await pool.readCommit(oldest.commit);
    if (parents[0] !== base.commit) return undefined;
  }
  if (base && !oldest && base.commit !== head) return undefined;
  const ordinal = (base?.ordinal ?? 0) + commits.length;
  const history = new HistoryIndex();
  for (const [i, { commit, paths }] of commits.entries()) {
    history.add({ commit, ordinal: ordinal - i, paths });
  }
  return { history, ordinal };
}

/** Between a commit and its parent the two snapshots tell what `git log` would, without a process. */
function touchedPaths(before: Snapshot, after: Snapshot): string[] {
  const olds = new Map(fragmentsOf(before).map((fragment) => [fragment.root, fragment]));
  return fragmentsOf(after).flatMap((fragment) => {
    const old = olds.get(fragment.root);
    if (old?.tree === fragment.tree) return [];
    // The folder itself too: its tree also holds what no fragment lists.
    return [`${fragment.root}/`, ...differingFiles(old, fragment)];
  });
}

function differingFiles(old: Fragment | undefined, { root, files }: Fragment): string[] {
  const before = new Map(old?.files.map(({ path, oid, mode }) => [path, `${mode} ${oid}`]));
  const touched = files.filter(({ path, oid, mode }) => {
    const isSame = before.get(path) === `${mode} ${oid}`;
    before.delete(path);
    return !isSame;
  });
  return [...touched.map(({ path }) => path), ...before.keys()].map((path) => `${root}/${path}`);
}
