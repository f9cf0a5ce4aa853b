import { rcompare, valid } from 'semver';
import type { ReleaseRow } from '../delivery/publication.ts';
import { storeRecord } from '../delivery/published.ts';
import type { PluginRecord } from '../delivery/record.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { writeObject } from '../git/write-object.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import {
  isObjectId,
  isPluginId,
  NAMED_RELEASE_PREFIX,
  versionTag,
  ZERO_OID,
} from '../model/names.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { composeTagMessage, composeTagPayload, type TagBlock } from '../signing/tag.ts';
import { findMismatch } from './accept-tag.ts';
import { composeBlock } from './compose-tag.ts';

export interface Publishing {
  runtime: OrgRuntime;
  artifacts: ArtifactStore;
  clock: Clock;
  /** `key:…` or `user:…`: who publishes. */
  actor: string;
  requestId?: string;
}

export interface VersionRequest {
  plugin: string;
  version: string;
  /** Default: the commit that is served. */
  commit?: string | undefined;
  notes?: string | undefined;
}

/** What the audit log says of a ref that this moves. */
export const causeOf = ({ actor, requestId }: Publishing, action: string) => ({
  actor,
  action,
  ...(requestId && { requestId }),
});

interface Part {
  version: string;
  record: PluginRecord;
  commit: string;
}

/** One publication at a time and org: the next `seq` is read and taken together. */
const queues = new WeakMap<OrgRuntime, Promise<unknown>>();

function inTurn<T>(runtime: OrgRuntime, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(runtime) ?? Promise.resolve()).then(work, work);
  queues.set(
    runtime,
    turn.catch(() => {}),
  );
  return turn;
}

/**
 * Publishes one plugin's version as a signed tag. The tag's creation is the
 * commit point; publishing the same content again answers the same release.
 *
 * @throws {WaymarkError} `REL_TAG_EXISTS`, `REL_EMPTY`, `RES_NOT_FOUND`, `VAL_FAILED`,
 *   `PLG_MANIFEST_MISMATCH` for a server part that says that it is another version
 */
export async function publishVersion(
  publishing: Publishing,
  { plugin, version, commit, notes }: VersionRequest,
): Promise<{ release: ReleaseRow; isNew: boolean }> {
  if (!isPluginId(plugin)) throw invalidField('plugin', `${plugin} is no plugin id`);
  if (valid(version) !== version)
    throw invalidField('version', `${version} is no semantic version`);
  return inTurn(publishing.runtime, async () => {
    const part = await partOf(publishing.runtime, plugin, version, commit);
    const tag = versionTag(plugin, version);
    return await publishTag(publishing, tag, [part], notes ?? '');
  });
}

/** Publishes a named release of versions that are tagged already. */
export async function publishNamed(
  publishing: Publishing,
  request: {
    name: string;
    components: readonly { componentId: string; version: string }[];
    notes?: string | undefined;
  },
): Promise<{ release: ReleaseRow; isNew: boolean }> {
  const { name, components, notes } = request;
  if (!isObjectId(name) || name.includes('--') || name.includes('..') || valid(name)) {
    throw invalidField('name', `${name} is no release name: not a version, no double hyphen`);
  }
  if (components.length === 0) throw new WaymarkError('REL_EMPTY', `${name} names no plugin`);
  const ids = components.map(({ componentId }) => componentId);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw invalidField('components', `${twice} is named twice`);
  return inTurn(publishing.runtime, async () => {
    const { runtime } = publishing;
    const parts: Part[] = [];
    const sorted = components.toSorted((a, b) => (a.componentId < b.componentId ? -1 : 1));
    for (const { componentId, version } of sorted) {
      const row = findRelease(runtime, componentId, version);
      parts.push({ version, commit: row.commit, record: await runtime.recordOf(row) });
    }
    return await publishTag(publishing, `${NAMED_RELEASE_PREFIX}${name}`, parts, notes ?? '');
  });
}

export function findRelease(runtime: OrgRuntime, plugin: string, version: string): ReleaseRow {
  const row = runtime.view.releases.get(plugin)?.find((release) => release.version === version);
  if (!row) throw new WaymarkError('RES_NOT_FOUND', `${plugin} has no release ${version}`);
  return row;
}

async function partOf(
  runtime: OrgRuntime,
  plugin: string,
  version: string,
  wanted: string | undefined,
): Promise<Part> {
  const commit =
    wanted === undefined ? runtime.view.published.commit : await findCommit(runtime, wanted);
  const record = await runtime.recordAt(plugin, commit);
  if (!record) {
    throw new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin} at commit ${commit.slice(0, 12)}`);
  }
  if (isEmpty(record)) {
    const message = `${plugin} has nothing but its plugin.yaml: there is nothing to release`;
    throw new WaymarkError('REL_EMPTY', message);
  }
  const mismatch = findMismatch(record.content, version);
  if (mismatch) throw new WaymarkError('PLG_MANIFEST_MISMATCH', `${plugin}: ${mismatch}`);
  return { version, record, commit };
}

/** Files that no object has may be all that a plugin is: a language server's manifest, for one. */
const isEmpty = ({ content: { objects, files, serverTree } }: PluginRecord): boolean =>
  objects.length === 0 &&
  files.every(({ path }) => path === 'plugin.yaml') &&
  serverTree === undefined;

/** @throws {WaymarkError} `RES_NOT_FOUND` unless it is a first-parent commit of `main` */
export async function findCommit(runtime: OrgRuntime, text: string): Promise<string> {
  if (!/^[0-9a-f]{7,40}$/.test(text))
    throw invalidField('commit', 'give 7 to 40 lower-case hex digits');
  const found = await runtime.pool.find(text);
  if (found?.type !== 'commit' || !(await runtime.isOnMain(found.oid))) {
    throw new WaymarkError('RES_NOT_FOUND', `no commit ${text} on main`);
  }
  return found.oid;
}

async function publishTag(
  publishing: Publishing,
  tag: string,
  parts: readonly Part[],
  notes: string,
): Promise<{ release: ReleaseRow; isNew: boolean }> {
  const { runtime } = publishing;
  const ref = `refs/tags/${tag}`;
  const block = composeBlock(runtime.org, tag, nextSeq(runtime, parts), parts);
  const standing = await runtime.refs.read(ref);
  if (standing !== undefined) await runtime.refresh();
  const published = runtime.view.releasesByTag.get(tag);
  if (published && published[0]!.tagOid !== standing) throw tagMoved(tag);
  if (published && isSameContent(published, parts)) {
    return { release: published[0]!, isNew: false };
  }
  // A tag that is no release of ours holds the name all the same.
  if (standing !== undefined) throw tagExists(tag);
  const oid = await writeTag(publishing, tag, block, parts, notes);
  try {
    const update = { ref, old: ZERO_OID, new: oid };
    await runtime.moveRef(update, causeOf(publishing, 'release.publish'));
  } catch (error) {
    if (error instanceof WaymarkError && error.code === 'RES_VERSION_CONFLICT')
      throw tagExists(tag);
    throw error;
  }
  return { release: projected(runtime, tag), isNew: true };
}

/** Artifacts first, then the object, then (by the caller) the ref: nothing refers to what is not there. */
async function writeTag(
  { runtime, artifacts, clock, actor }: Publishing,
  tag: string,
  block: TagBlock,
  parts: readonly Part[],
  notes: string,
): Promise<string> {
  for (const { record } of parts) await storeRecord(artifacts, record);
  const now = clock();
  const payload = composeTagPayload({
    name: tag,
    object: parts.at(-1)!.commit,
    tagger: { name: actor, email: `release@${runtime.org.slug}.waymark.invalid`, at: toTime(now) },
    message: composeTagMessage(notes, block),
  });
  const signature = await runtime.keyring.signTagPayload(payload, new Date(now));
  return await writeObject(runtime.repo, 'tag', Buffer.from(payload + signature));
}

/** Publishing what is published already, from whatever commit, is no error. */
function isSameContent(published: readonly ReleaseRow[], parts: readonly Part[]): boolean {
  const wanted = parts.map(({ version, record: { content } }) =>
    [content.id, version, content.tree, content.contentDigest].join(' '),
  );
  const stated = published.map(({ plugin, version, tree, contentDigest }) =>
    [plugin, version, tree, contentDigest].join(' '),
  );
  return wanted.sort().join() === stated.sort().join();
}

function nextSeq(runtime: OrgRuntime, parts: readonly Part[]): number {
  const plugins = new Set(parts.map(({ record }) => record.content.id));
  let highest = 0;
  for (const rows of runtime.view.releasesByTag.values()) {
    for (const { plugin, seq } of rows) if (plugins.has(plugin)) highest = Math.max(highest, seq);
  }
  return highest + 1;
}

function projected(runtime: OrgRuntime, tag: string): ReleaseRow {
  const row = runtime.view.releasesByTag.get(tag)?.[0];
  if (!row)
    throw new WaymarkError('RES_UNAVAILABLE', `${tag} is published but not served yet: retry`);
  return row;
}

const tagExists = (tag: string): WaymarkError =>
  new WaymarkError(
    'REL_TAG_EXISTS',
    `${tag} is published with other content: choose another version`,
  );

const tagMoved = (tag: string): WaymarkError =>
  new WaymarkError(
    'REL_TAG_MOVED',
    `${tag} is published, but its tag has been moved or deleted in the repository: put it back`,
  );

/** Every plugin at its declared version that has no release yet, as an example org's first release. */
export async function publishDeclared(publishing: Publishing): Promise<ReleaseRow[]> {
  const { published, releases } = publishing.runtime.view;
  const rows: ReleaseRow[] = [];
  for (const [plugin, { content }] of published.records) {
    if (content.declaredVersion === undefined || releases.has(plugin)) continue;
    const version = content.declaredVersion;
    const notes = `First release of ${content.title}.`;
    rows.push((await publishVersion(publishing, { plugin, version, notes })).release);
  }
  return rows.sort((a, b) => rcompare(a.version, b.version));
}
