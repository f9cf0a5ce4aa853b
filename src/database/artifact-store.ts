import type { ArtifactStore } from '../registry/artifacts.ts';

/** Opens `dir`, which no other process may use meanwhile. */
export async function createArtifactStore(
  _dir: string,
): Promise<ArtifactStore & { close(): Promise<void> }> {
  throw new Error('not written yet');
}
