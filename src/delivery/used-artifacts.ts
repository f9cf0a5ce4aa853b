import type { ArtifactStore } from '../registry/artifacts.ts';
import type { PublicationStore } from './publication.ts';

/** Whatever looks like a name is taken for one: too much may stay, too little never. */
const NAME = /[0-9a-f]{64}/g;

/**
 * The names of all that an org may still be asked for: what its channels serve,
 * what pushes replaced in the last day, and every release.
 *
 * @throws {WaymarkError} `REG_CORRUPT` for a damaged part: then nobody knows what it named
 */
export async function usedArtifacts(
  org: string,
  publications: Pick<PublicationStore, 'pointers' | 'releases'>,
  artifacts: Pick<ArtifactStore, 'read'>,
): Promise<Set<string>> {
  const namesIn = async (name: string): Promise<string[]> => {
    const text = (await artifacts.read(name))?.toString('latin1') ?? '';
    return text.match(NAME) ?? [];
  };
  const pointers = await publications.pointers(org);
  const releases = await publications.releases(org);
  const roots = pointers.map(({ digest }) => digest).filter((digest) => digest !== '');
  // A publication names its documents, as a release its record; those name contents.
  const documents = new Set(releases.map(({ recordDigest }) => recordDigest));
  for (const root of roots) for (const name of await namesIn(root)) documents.add(name);
  const used = new Set([...roots, ...documents]);
  for (const document of documents) for (const name of await namesIn(document)) used.add(name);
  return used;
}
