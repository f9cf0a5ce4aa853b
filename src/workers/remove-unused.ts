import type { PublicationStore } from '../delivery/publication.ts';
import { usedArtifacts } from '../delivery/used-artifacts.ts';
import type { OrgStore } from '../identity/org.ts';
import type { Clock } from '../model/clock.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';

export interface RemoveDeps {
  orgs: Pick<OrgStore, 'list'>;
  publications: Pick<PublicationStore, 'pointers' | 'releases'>;
  artifacts: ArtifactStore & {
    sweep(used: ReadonlySet<string>, before: number): Promise<number>;
  };
  clock: Clock;
}

/** Longer than anything takes from finding a content in the store to referring to it. */
const UNASKED_MS = 86_400_000;

/** Removes the artifacts that no org refers to and nobody has asked for in a day. */
export async function removeUnusedArtifacts(deps: RemoveDeps): Promise<number> {
  const { orgs, publications, artifacts, clock } = deps;
  const before = clock() - UNASKED_MS;
  const used = new Set<string>();
  for (const { slug } of await orgs.list()) {
    for (const name of await usedArtifacts(slug, publications, artifacts)) used.add(name);
  }
  return await artifacts.sweep(used, before);
}
