import { fileWrites } from '../git/file-writes.ts';
import { isAncestor, type Range } from '../git/history.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ConfigDocument } from '../registry/snapshot.ts';
import type { Published } from './published.ts';
import type { OrgRuntime } from './runtime.ts';

/** Who wrote a file first and last, as git names its authors, and when. */
export interface Written {
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
}

/** A document with what only git knows of it. */
export interface ServedDocument {
  document: ConfigDocument;
  /** The one that is served. */
  commit: string;
  written: Written;
}

type ByPath = ReadonlyMap<string, ServedDocument>;

interface Read {
  published: Published;
  documents: Promise<ByPath>;
}

/** All others are files of plugins, which are many. */
const PATHSPECS = ['.', ':(exclude)plugins', ':(exclude)objects'];

const lastRead = new WeakMap<OrgRuntime, Read>();

/**
 * Every document outside `plugins/` and `objects/` that an org serves, by path. History is read
 * whole for the first who asks, then once for each commit from the one before.
 *
 * @throws {GitError} `REG_CORRUPT` where history does not lead to what is served
 */
export function servedDocuments(runtime: OrgRuntime): Promise<ByPath> {
  const { published } = runtime.view;
  const base = lastRead.get(runtime);
  if (base?.published === published) return base.documents;
  const read: Read = { published, documents: readDocuments(runtime, published, base) };
  lastRead.set(runtime, read);
  read.documents.catch(() => {
    if (lastRead.get(runtime) === read) lastRead.delete(runtime);
  });
  return read.documents;
}

async function readDocuments(
  { repo }: OrgRuntime,
  published: Published,
  base: Read | undefined,
): Promise<ByPath> {
  const { commit, config } = published;
  const documents = [...config.values()].flatMap((folder) => folder.documents);
  const paths = documents.map(({ path }) => path);
  const known = await base?.documents.catch(() => undefined);
  const after = base?.published.commit;
  const grown =
    known && after !== undefined && (await isBefore(repo, after, commit))
      ? await readWrites(repo, { head: commit, after }, paths, known)
      : undefined;
  const writes = grown ?? (await readWrites(repo, { head: commit }, paths));
  if (!writes) throw new WaymarkError('REG_CORRUPT', 'history does not lead to what is served');
  return new Map(
    documents.map((document) => {
      const { path } = document;
      return [path, { document, commit, written: writes.get(path)! }];
    }),
  );
}

/** False also where another repository was put in the place of the one that had it. */
const isBefore = (repo: string, base: string, commit: string): Promise<boolean> =>
  isAncestor(repo, base, commit).catch(() => false);

/** Undefined where neither the range nor what is known reaches back to the beginning of each path. */
async function readWrites(
  repo: string,
  range: Range,
  paths: readonly string[],
  known?: ByPath,
): Promise<ReadonlyMap<string, Written> | undefined> {
  const writes = new Map<string, Written>();
  const open = new Set(paths);
  for await (const { path, isAdded, by, atSec } of fileWrites(repo, range, PATHSPECS)) {
    if (!open.has(path)) continue;
    const at = timeOf(atSec);
    const last = writes.get(path) ?? { updatedAt: at, updatedBy: by };
    writes.set(path, { ...last, createdAt: at, createdBy: by });
    if (isAdded) open.delete(path);
    if (open.size === 0) break;
  }
  for (const path of open) {
    const before = known?.get(path)?.written;
    if (!before) return undefined;
    const { createdAt, createdBy } = before;
    writes.set(path, { ...(writes.get(path) ?? before), createdAt, createdBy });
  }
  return writes;
}

/** The last second that RFC 3339 has a name for: an author's clock says what it likes. */
const LAST_SEC = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

const timeOf = (atSec: number): string => toTime(Math.min(Math.max(atSec, 0), LAST_SEC) * 1000);
