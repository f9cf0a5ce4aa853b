import type { ReleaseRow } from '../delivery/publication.ts';
import type { PluginRecord } from '../delivery/record.ts';
import type { Org } from '../identity/org.ts';
import { toTime } from '../model/clock.ts';
import { NAMED_RELEASE_PREFIX, parseVersionTag } from '../model/names.ts';
import type { PluginContent } from '../model/object.ts';
import { fail, ok, type Result } from '../model/result.ts';
import { checkReleaseTag, parseTag } from '../signing/tag.ts';
import type { TaggedPlugin } from '../signing/tag-block.ts';

/** `<plugin>--v<semver>` or `release/<name>`: other tags are not releases. */
export const isReleaseName = (name: string): boolean =>
  parseVersionTag(name) !== undefined || name.startsWith(NAMED_RELEASE_PREFIX);

export interface TagReader {
  org: Org;
  /** The armored release keys that the root lists, retired ones too. */
  releaseKeys: readonly string[];
  readTag(oid: string): Promise<Buffer>;
  /** A plugin as it was at a commit; undefined when it was not there or did not compile. */
  recordAt(plugin: string, commit: string): Promise<PluginRecord | undefined>;
  /** Stores a record for good, and answers its artifact name. */
  store(record: PluginRecord): Promise<string>;
}

/**
 * The releases that a tag makes, or the reason why it makes none: its name,
 * origin and signature must be ours, and the content that it states must be
 * what its commits hold.
 */
export async function acceptTag(
  reader: TagReader,
  name: string,
  tagOid: string,
): Promise<Result<ReleaseRow[], string>> {
  const raw = await reader.readTag(tagOid);
  const { uid: orgUid, repoUid, slug: org } = reader.org;
  const checked = await checkReleaseTag(raw, { name, orgUid, repoUid, keys: reader.releaseKeys });
  if (!checked.ok) return checked;
  const { seq, plugins } = checked.value;
  const { notes, tagger } = parseTag(raw);
  const at = taggedAt(tagger);
  const rows: ReleaseRow[] = [];
  for (const plugin of plugins) {
    const record = await reader.recordAt(plugin.id, plugin.commit);
    const difference = record ? differs(plugin, record) : 'its commit does not hold the plugin';
    if (!record || difference) return fail(`${name}: ${plugin.id}: ${difference}`);
    rows.push({
      org,
      tag: name,
      tagOid,
      plugin: plugin.id,
      version: plugin.version,
      seq,
      commit: plugin.commit,
      tree: plugin.tree,
      contentDigest: plugin.contentDigest,
      publishedAt: at.time,
      publishedBy: at.name,
      notes,
      recordDigest: await reader.store(record),
    });
  }
  return ok(rows);
}

function differs(stated: TaggedPlugin, { content }: PluginRecord): string | undefined {
  if (stated.tree !== content.tree) return 'its tree is not the one that the tag states';
  if (stated.contentDigest !== content.contentDigest)
    return 'its content is not what the tag states';
  const serverOf = ({ serverTree, serverDigest }: typeof stated | typeof content) =>
    `${serverTree} ${serverDigest}`;
  if (serverOf(stated) !== serverOf(content)) return 'its server part is not what the tag states';
  return findMismatch(content, stated.version);
}

/** A server part may say which version it is, and is then released as no other. */
export function findMismatch(
  { serverVersion }: Pick<PluginContent, 'serverVersion'>,
  version: string,
): string | undefined {
  if (serverVersion === undefined || serverVersion === version) return undefined;
  return `server/plugin.json says that it is ${serverVersion}, not ${version}`;
}

/** `Name <email> <unix seconds> <zone>`. */
function taggedAt(tagger: string): { name: string; time: string } {
  const match = /^(.*?) ?<([^>]*)> (\d+)/.exec(tagger);
  return { name: match?.[1] ?? '', time: toTime(Number(match?.[3] ?? 0) * 1000) };
}
