import type { Logger } from '../audit/logger.ts';
import type { Refs } from '../git/refs.ts';
import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { fail, type Result } from '../model/result.ts';
import { acceptTag, isReleaseName, type TagReader } from '../release/accept-tag.ts';
import type { ReleaseRow } from './publication.ts';

const TAGS = 'refs/tags/';

/** What a repository's tags say beyond the releases that are known. */
export interface FoundTags {
  /** Releases that no row stands for yet. */
  added: ReleaseRow[];
  /** An alarm for each known release whose tag has gone or moved. */
  alarms: Diagnostic[];
}

export async function readReleaseTags(
  refs: Refs,
  reader: TagReader,
  known: readonly ReleaseRow[],
  log: Logger,
): Promise<FoundTags> {
  const oidByRef = await refs.list(TAGS);
  const oidByTag = new Map(known.map(({ tag, tagOid }) => [tag, tagOid]));
  const alarms = [...oidByTag].flatMap(([tag, tagOid]) => {
    const oid = oidByRef.get(`${TAGS}${tag}`);
    return oid === tagOid ? [] : [movedTag(tag, oid)];
  });
  const added: ReleaseRow[] = [];
  for (const [ref, oid] of oidByRef) {
    const tag = ref.slice(TAGS.length);
    if (!isReleaseName(tag) || oidByTag.has(tag)) continue;
    const result = await tryAccept(reader, tag, oid);
    if (result.ok) added.push(...result.value);
    else log.warn({ org: reader.org.slug, tag, reason: result.error }, 'tag ignored');
  }
  return { added, alarms };
}

/** A tag that cannot be read is no release; it keeps no other from being one. */
async function tryAccept(
  reader: TagReader,
  tag: string,
  oid: string,
): Promise<Result<ReleaseRow[], string>> {
  try {
    return await acceptTag(reader, tag, oid);
  } catch (error) {
    if (error instanceof WaymarkError) return fail(error.message);
    throw error;
  }
}

function movedTag(tag: string, oid: string | undefined): Diagnostic {
  const what = oid === undefined ? 'has vanished' : 'was moved';
  const message = `the release tag ${tag} ${what} in the repository; its published content stays served`;
  return fileError(`${TAGS}${tag}`, 'REL_TAG_MOVED', message);
}
