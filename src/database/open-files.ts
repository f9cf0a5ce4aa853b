import { type FileHandle, open } from 'node:fs/promises';

interface OpenFile {
  handle: Promise<FileHandle>;
  readers: number;
}

/** Keeps the files that were read last open, so that a small read is one system call. */
export class OpenFiles {
  readonly #limit: number;
  /** In order of use, the least recent first. */
  readonly #files = new Map<string, OpenFile>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  async read<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    const file = this.#files.get(path) ?? { handle: open(path), readers: 0 };
    this.#files.delete(path);
    this.#files.set(path, file);
    file.readers += 1;
    try {
      return await use(await file.handle);
    } catch (error) {
      await file.handle.catch(() => this.#files.delete(path));
      throw error;
    } finally {
      file.readers -= 1;
      await this.#closeExcess();
    }
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const { handle } of files) await (await handle).close();
  }

  async #closeExcess(): Promise<void> {
    for (const [path, { handle, readers }] of this.#files) {
      if (this.#files.size <= this.#limit) return;
      if (readers > 0) continue;
      this.#files.delete(path);
      await (await handle).close();
    }
  }
}
