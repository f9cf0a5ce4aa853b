/** Whole files by the SHA-256 (lower-case hex) of their bytes: sealed bodies and archives. */
export interface BundleFiles {
  /** A temporary file to write at `path`. `commit` makes it durable under its name. */
  create(): Promise<NewBundleFile>;
  path(hex: string): string;
  /** Bytes; undefined when there is no such file. */
  size(hex: string): number | undefined;
  remove(hex: string): Promise<void>;
  /** Bytes `start` (inclusive) to `end` (exclusive), unchecked. */
  stream(hex: string, start?: number, end?: number): NodeJS.ReadableStream;
}

export interface NewBundleFile {
  path: string;
  commit(hex: string): Promise<void>;
  abort(): Promise<void>;
}

export async function createBundleFiles(_dir: string): Promise<BundleFiles> {
  throw new Error('not written yet');
}
