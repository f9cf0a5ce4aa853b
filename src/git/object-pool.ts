import { createHash } from 'node:crypto';
import { WaymarkError } from '../model/errors.ts';
import { isOid } from '../model/names.ts';
import { type Answer, CatFile, type ObjectKind } from './cat-file.ts';
import { type Commit, parseCommit } from './commit.ts';
import { parseTree, type TreeEntry } from './tree.ts';

export interface ObjectPool {
  readBlob(oid: string): Promise<Buffer>;
  /** Blobs in the order of their oids, all asked for at once. */
  readMany(oids: readonly string[]): Promise<Buffer[]>;
  readTree(oid: string): Promise<TreeEntry[]>;
  readCommit(oid: string): Promise<Commit>;
  /** The raw annotated tag, signature included. */
  readTag(oid: string): Promise<Buffer>;
  /**
   * What `spec` (an oid, a ref, `<commit>:<path>`) names; undefined when that is
   * nothing that git can find. Nothing of it is verified: what it says is read
   * from the object's header.
   */
  find(spec: string): Promise<Found | undefined>;
  /** Objects read since the pool was opened. */
  readonly counters: { blobs: number; trees: number; commits: number };
  /** After another repository was put in this one's place. */
  reopen(): void;
  /** Ends the processes; what is still asked fails with `RES_UNAVAILABLE`. */
  close(): void;
}

export interface Found {
  oid: string;
  type: ObjectKind;
  size: number;
}

export interface PoolOptions {
  /** Processes. */
  size?: number;
  /** A process that was asked nothing for this long is closed, and started again when needed. */
  idleMs?: number;
  /** For a push in quarantine: `GIT_OBJECT_DIRECTORY` and its alternates. */
  env?: Readonly<Record<string, string>>;
  blobLimitBytes?: number;
  treeLimitEntries?: number;
}

const MIB = 1024 * 1024;
/** A name's 255 bytes, its mode and oid: above this a tree has too many entries anyway. */
const MAX_ENTRY_BYTES = 300;

/**
 * Reads a bare repository's objects. Every body is hashed and compared with the
 * oid that was asked for, so a damaged pack is an error and never other bytes.
 *
 * All reads throw {@link WaymarkError}: `REG_CORRUPT` for an object that is
 * missing, damaged or of another type; `VAL_TOO_LARGE`; `RES_UNAVAILABLE` when
 * git was killed or could not be started.
 */
export function openObjectPool(repo: string, options: PoolOptions = {}): ObjectPool {
  const { size = 2, idleMs = 30_000, env = {} } = options;
  const { blobLimitBytes = 16 * MIB, treeLimitEntries = 20_000 } = options;
  const processes = Array.from({ length: size }, () => new CatFile(repo, env));
  const counters = { blobs: 0, trees: 0, commits: 0 };
  let idle: NodeJS.Timeout | undefined;
  let isClosed = false;

  const closeIdle = () => {
    for (const process of processes) {
      if (process.pending === 0) process.close();
      else idle?.refresh();
    }
  };
  const ask: CatFile['ask'] = async (...request) => {
    if (isClosed) throw new WaymarkError('RES_UNAVAILABLE', 'the repository was closed: retry');
    idle ??= setTimeout(closeIdle, idleMs).unref();
    idle.refresh();
    const free = processes.reduce((a, b) => (b.pending < a.pending ? b : a));
    return await free.ask(...request);
  };
  const read = async (oid: string, kind: ObjectKind, limitBytes: number): Promise<Buffer> => {
    if (!isOid(oid))
      throw new WaymarkError('REG_CORRUPT', `${JSON.stringify(oid)} is no object id`);
    return checkAnswer(oid, kind, await ask('contents', oid, limitBytes));
  };
  const readBlob = (oid: string) => {
    counters.blobs += 1;
    return read(oid, 'blob', blobLimitBytes);
  };

  return {
    counters,
    readBlob,
    readMany: (oids) => Promise.all(oids.map(readBlob)),
    async readTree(oid) {
      counters.trees += 1;
      const raw = await read(oid, 'tree', treeLimitEntries * MAX_ENTRY_BYTES);
      return parseTree(raw, treeLimitEntries);
    },
    async readCommit(oid) {
      counters.commits += 1;
      return parseCommit(oid, await read(oid, 'commit', MIB));
    },
    readTag: (oid) => read(oid, 'tag', MIB),
    async find(spec) {
      // A newline would start a second request.
      if (/[\n\0]/.test(spec)) return undefined;
      const answer = await ask('info', spec, 0);
      return answer && { oid: answer.oid, type: answer.kind, size: answer.size };
    },
    reopen() {
      for (const process of processes) process.reopen();
    },
    close() {
      isClosed = true;
      clearTimeout(idle);
      for (const process of processes) process.close();
    },
  };
}

function checkAnswer(oid: string, kind: ObjectKind, answer: Answer | undefined): Buffer {
  if (!answer)
    throw new WaymarkError('REG_CORRUPT', `object ${oid} is missing from the repository`);
  const { content } = answer;
  const header = `${answer.kind} ${content.length}\0`;
  const actual = createHash('sha1').update(header).update(content).digest('hex');
  if (actual !== oid) {
    throw new WaymarkError('REG_CORRUPT', `object ${oid} is damaged in the repository`);
  }
  if (answer.kind !== kind) {
    throw new WaymarkError('REG_CORRUPT', `object ${oid} is a ${answer.kind}, not a ${kind}`);
  }
  return content;
}
