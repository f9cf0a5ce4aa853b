import type { Digest, FileEntry } from '../../model/digest.ts';

/** What `layout=` may ask for beside `raw`. */
export const LAYOUTS = ['claude', 'agent-plugin', 'opencode', 'cursor'] as const;
export type Layout = (typeof LAYOUTS)[number];

export type RenderedFile = FileEntry & { bytes: Buffer };

/** An entry of a file that several objects share. `digest` is over the value's canonical JSON. */
export interface RenderedKey {
  file: string;
  /** RFC 6901. */
  pointer: string;
  digest: Digest;
}

export interface RenderedItem {
  objectId: string;
  files: RenderedFile[];
  keys: RenderedKey[];
  /** `native`, `translated` or `unsupported: <why>`; nothing is rendered for the last. */
  target: string;
}

/** One plugin as a client tool reads it. No two paths collide, and none leaves the plugin's folder. */
export interface RenderedPlugin {
  /** One for every object of the plugin, in the plugin's order. */
  items: RenderedItem[];
  /** Files of no single object: merged ones, the tool's manifest, README, licences; sorted by path. */
  files: RenderedFile[];
}

/** Bytes of a raw file by its digest. */
export type ReadBytes = (digest: Digest) => Promise<Buffer>;
