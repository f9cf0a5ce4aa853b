import type { Digest, FileEntry, FileMode } from '../../src/model/digest.ts';
import { VerificationError } from '../errors.ts';
import { type Fields, parseFields } from './fields.ts';

/** A file to install, with the object that brings it. */
export interface ManifestFile extends FileEntry {
  /** Undefined for files that belong to no object. */
  objectId?: string;
}

export interface ManifestItem {
  configObjectId: string;
  type: string;
  versionId: string;
  digest: Digest;
  /** Client tool → `native`, `translated` or `unsupported: <why>`. */
  targets: ReadonlyMap<string, string>;
}

/** A plugin's resolved content in one layout. */
export interface Manifest {
  pluginId: string;
  name: string;
  version: string;
  contentDigest: Digest;
  orgUid: string;
  channel?: string;
  seq: number;
  commit: string;
  tree: string;
  /** The release tag, where it is one. */
  release?: string;
  layout: string;
  items: ManifestItem[];
  /** Every file, sorted by path. */
  files: ManifestFile[];
  /** Relative to the manifest's own address. */
  bundleUrl: string;
}

/** @throws {VerificationError} `DOCUMENT_INVALID` */
export function parseManifest(body: Uint8Array): Manifest {
  const fields = parseFields(body, 'manifest');
  const plugin = fields.fields('plugin');
  const resolved = fields.fields('resolved');
  const channel = resolved.optionalText('channel');
  const release = resolved.optionalText('release');
  const items = fields.list('items');
  const files = [
    ...fields.optionalList('files').map((file) => parseFile(file)),
    ...items.flatMap(filesOf),
  ];
  return {
    pluginId: plugin.text('id'),
    name: plugin.text('name'),
    version: plugin.text('version'),
    contentDigest: plugin.digest('contentDigest'),
    orgUid: resolved.text('orgUid'),
    ...(channel === undefined ? {} : { channel }),
    seq: resolved.count('seq'),
    commit: resolved.text('commit'),
    tree: resolved.text('tree'),
    ...(release === undefined ? {} : { release }),
    layout: fields.text('layout'),
    items: items.map(parseItem),
    files: checkKeys(items, files).sort((a, b) => (a.path < b.path ? -1 : 1)),
    bundleUrl: fields.fields('bundle').text('url'),
  };
}

function parseItem(fields: Fields): ManifestItem {
  const targets = fields.optionalFields('targets');
  return {
    configObjectId: fields.text('configObjectId'),
    type: fields.text('type'),
    versionId: fields.text('versionId'),
    digest: fields.digest('digest'),
    targets: new Map(
      Object.entries((targets && fields.raw('targets')) ?? {}).map(([k, v]) => [k, String(v)]),
    ),
  };
}

function filesOf(item: Fields): ManifestFile[] {
  const objectId = item.text('configObjectId');
  return item.list('files').map((file) => ({ ...parseFile(file), objectId }));
}

/** A key of a file that is delivered whole is in it already; into another it would have to be merged. */
function checkKeys(items: readonly Fields[], files: ManifestFile[]): ManifestFile[] {
  const whole = new Set(files.map(({ path }) => path));
  const keys = items.flatMap((item) => item.optionalList('keys'));
  const other = keys.map((key) => key.text('file')).find((file) => !whole.has(file));
  if (other === undefined) return files;
  const message = `manifest: it has entries to merge into ${other}, which this version cannot`;
  throw new VerificationError('DOCUMENT_INVALID', message);
}

function parseFile(fields: Fields): ManifestFile {
  return {
    path: fields.text('path'),
    mode: parseMode(fields.text('mode')),
    digest: fields.digest('digest'),
    size: fields.count('size'),
  };
}

/** Anything else would be a link, a device or a set-uid bit. */
function parseMode(mode: string): FileMode {
  if (mode === '0644' || mode === '0755') return mode;
  throw new VerificationError('DOCUMENT_INVALID', `manifest: a file cannot have the mode ${mode}`);
}
