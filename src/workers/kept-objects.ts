import type { PublicationStore } from '../delivery/publication.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';

const TAGS = 'refs/tags/';

/**
 * What an org serves and only a pin can hold: the commit that is served, which a
 * forced push may have left behind, and releases whose tag was moved or is gone.
 * A tag that stands where it was published holds itself.
 */
export async function keptObjects(
  { org, refs }: Pick<OrgRuntime, 'org' | 'refs'>,
  publications: Pick<PublicationStore, 'pointers' | 'releases'>,
): Promise<Set<string>> {
  const oidByRef = await refs.list(TAGS);
  const pointers = await publications.pointers(org.slug);
  const releases = await publications.releases(org.slug);
  const served = pointers.filter(({ channel }) => channel === 'rolling');
  const loose = releases.filter(({ tag, tagOid }) => oidByRef.get(`${TAGS}${tag}`) !== tagOid);
  const commits = served.map(({ active }) => active).filter((commit) => commit !== '');
  return new Set([...commits, ...loose.map(({ tagOid }) => tagOid)]);
}
