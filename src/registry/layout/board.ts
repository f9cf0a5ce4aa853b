import type { FileEntry, FileMode } from '../../model/digest.ts';
import { sha256 } from '../../model/digest.ts';
import type { RenderedFile } from './rendered.ts';

/** Where rendered files are put down, one by one, so that none collides and none leaves the folder. */
export interface Board {
  /** Why `path` cannot be taken, in words that follow the path; undefined when it can. */
  refusalOf(path: string): string | undefined;
  put(file: RenderedFile): void;
}

export function createBoard(): Board {
  // Folded: two names that only case or composition keeps apart are one on many file systems.
  const files = new Set<string>();
  const folders = new Set<string>();
  return {
    refusalOf(path) {
      if (!isInside(path)) return 'is no path inside a plugin';
      const key = fold(path);
      const parents = parentsOf(key);
      const isTaken = files.has(key) || folders.has(key) || parents.some((it) => files.has(it));
      return isTaken ? 'is taken by another file of the plugin' : undefined;
    },
    put({ path }) {
      const key = fold(path);
      files.add(key);
      for (const parent of parentsOf(key)) folders.add(parent);
    },
  };
}

/** A relative path that no file system can be led astray by. */
export function isInside(path: string): boolean {
  const isClean = path.length > 0 && path.length <= 400 && !/[\\\u0000-\u001f\u007f]/.test(path);
  return isClean && path.split('/').every((part) => part !== '' && !/^(\.\.?|\.git)$/i.test(part));
}

export function renderedFile(path: string, bytes: Buffer, mode: FileMode = '0644'): RenderedFile {
  return { path, mode, digest: sha256(bytes), size: bytes.length, bytes };
}

/** The raw file at another path, its bytes untouched. */
export function movedFile(entry: FileEntry, path: string, bytes: Buffer): RenderedFile {
  return { path, mode: entry.mode, digest: entry.digest, size: entry.size, bytes };
}

const fold = (path: string): string => path.normalize('NFC').toLowerCase();

function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}
