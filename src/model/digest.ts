import { hash } from 'node:crypto';

/** `sha256:` and 64 lower-case hex digits: how a digest is written in every answer. */
export type Digest = `sha256:${string}`;

export type FileMode = '0644' | '0755';

/** One delivered file. `path` is relative to the plugin's folder, with `/`. */
export interface FileEntry {
  path: string;
  mode: FileMode;
  digest: Digest;
  /** Bytes. */
  size: number;
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes);
}

export const sha256 = (bytes: Uint8Array | string): Digest => `sha256:${sha256Hex(bytes)}`;

export const hexOf = (digest: string): string => digest.slice('sha256:'.length);

export const isDigest = (text: string): text is Digest => /^sha256:[0-9a-f]{64}$/.test(text);

/**
 * The identity of a set of files: SHA-256 over the lines `path\0mode\0sha256\n`,
 * sorted by their bytes, so that neither archive nor order matters.
 *
 * @see docs/spec/registry-format.md, "Digests"
 */
export function contentDigest(
  files: Iterable<Pick<FileEntry, 'path' | 'mode' | 'digest'>>,
): Digest {
  const lines: Buffer[] = [];
  for (const { path, mode, digest } of files) {
    lines.push(Buffer.from(`${path}\0${mode}\0${hexOf(digest)}\n`));
  }
  lines.sort((a, b) => Buffer.compare(a, b));
  return sha256(Buffer.concat(lines));
}
