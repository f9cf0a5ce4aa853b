import type { FileEntry } from '../model/digest.ts';
import type { ObjectContent } from '../model/object.ts';
import type { RenderedPlugin } from '../registry/layout/rendered.ts';
import type { PluginRecord } from './record.ts';
import type { Choice } from './resolve.ts';
import type { Selector } from './selector.ts';

interface ManifestFile {
  path: string;
  digest: string;
  size: number;
  mode: string;
}

interface ManifestItem {
  configObjectId: string;
  type: string;
  title: string;
  versionId: string;
  digest: string;
  requires: readonly string[];
  inputs: readonly unknown[];
  files: ManifestFile[];
  keys: readonly unknown[];
  targets: Readonly<Record<string, string>>;
}

/** The resolved list of a plugin's files. @see docs/spec/delivery.md, "Manifest" */
export interface Manifest {
  plugin: {
    id: string;
    name: string;
    version: string;
    contentDigest: string;
    policy: { mode: string; override: string };
  };
  resolved: {
    org: string;
    orgUid: string;
    channel?: string;
    seq: number;
    commit: string;
    tree: string;
    release?: string;
  };
  layout: string;
  items: ManifestItem[];
  files: ManifestFile[];
  bundle: { url: string; contentBytes: number };
}

const pickFile = ({ path, digest, size, mode }: FileEntry): ManifestFile => ({
  path,
  digest,
  size,
  mode,
});

/**
 * Depends on content, selector and layout alone, so that a commit elsewhere
 * changes neither its ETag nor its signature.
 */
export function composeManifest(
  { slug, uid }: { slug: string; uid: string },
  choice: Choice,
  record: PluginRecord,
  selector: Selector,
  layout: string,
  rendered: RenderedPlugin | undefined,
): Manifest {
  const { content, versions } = record;
  const { policy, contentDigest, contentBytes } = content;
  return {
    plugin: { id: content.id, name: content.title, version: choice.version, contentDigest, policy },
    resolved: {
      org: slug,
      orgUid: uid,
      ...(selector.by === 'channel' ? { channel: selector.name } : {}),
      seq: choice.seq,
      commit: record.commit,
      tree: content.tree,
      ...(choice.release ? { release: choice.release.tag } : {}),
    },
    layout,
    items: content.objects.map((object, i) =>
      item(object, versions[object.id] ?? record.commit, rendered?.items[i], layout),
    ),
    files: (rendered ? rendered.files : content.files).map(pickFile),
    bundle: {
      url: `download?contentDigest=${contentDigest}${layout === 'raw' ? '' : `&layout=${layout}`}`,
      contentBytes,
    },
  };
}

function item(
  object: ObjectContent,
  versionId: string,
  rendered: RenderedPlugin['items'][number] | undefined,
  layout: string,
): ManifestItem {
  return {
    configObjectId: object.id,
    type: object.type,
    title: object.title,
    versionId,
    digest: object.digest,
    requires: object.requires,
    inputs: object.inputs,
    files: (rendered ? rendered.files : object.files).map(pickFile),
    keys: rendered?.keys ?? [],
    targets: rendered ? { ...object.targets, [layout]: rendered.target } : object.targets,
  };
}
