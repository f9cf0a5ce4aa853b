import type { PluginRecord } from '../delivery/record.ts';
import type { Org } from '../identity/org.ts';
import type { TagBlock } from '../signing/tag-block.ts';

/** What a release of these plugins states of them. */
export function composeBlock(
  { uid: orgUid, repoUid }: Org,
  release: string,
  seq: number,
  plugins: readonly { version: string; record: PluginRecord; commit: string }[],
): TagBlock {
  return {
    apiVersion: 'waymark/v1',
    orgUid,
    repoUid,
    release,
    seq,
    plugins: plugins.map(({ version, record: { content }, commit }) => ({
      id: content.id,
      version,
      commit,
      tree: content.tree,
      ...(content.serverTree === undefined ? {} : { serverTree: content.serverTree }),
      ...(Object.keys(content.shared).length === 0 ? {} : { shared: content.shared }),
      contentDigest: content.contentDigest,
      ...(content.serverDigest === undefined ? {} : { serverDigest: content.serverDigest }),
    })),
  };
}
