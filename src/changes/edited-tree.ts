import { createHash } from 'node:crypto';
import type { FileChange } from '../git/edit-tree.ts';
import type { ObjectPool } from '../git/object-pool.ts';
import type { TreeEntry } from '../git/tree.ts';
import { WaymarkError } from '../model/errors.ts';

/** A file as an edit has left it; `oid` is of content that git holds already. */
interface EditedFile {
  content: Buffer | { oid: string };
  /** Without one it keeps what stands there. */
  mode?: Mode;
}

type Mode = '100644' | '100755';

/** What one renamed or removed folder may hold: a few trees can stand for billions of files. */
const MAX_FILES = 20_000;

/** A commit's tree with an edit on top, in memory. Only folders on the way to a path are read. */
export class EditedTree {
  readonly #objects: ObjectPool;
  readonly #root: string;
  readonly #folders = new Map<string, Promise<ReadonlyMap<string, TreeEntry>>>();
  /** By path, null for what is removed. */
  readonly #edits = new Map<string, EditedFile | null>();

  /** @param root the oid of a tree */
  constructor(objects: ObjectPool, root: string) {
    this.#objects = objects;
    this.#root = root;
  }

  async read(path: string): Promise<Buffer | undefined> {
    const file = await this.#find(path);
    if (!file) return undefined;
    return Buffer.isBuffer(file.content)
      ? file.content
      : await this.#objects.readBlob(file.content.oid);
  }

  /** The path itself where a file stands there, all files below it where a folder does. */
  async filesAt(path: string): Promise<string[]> {
    if (await this.#find(path)) return [path];
    const below = new Set(await this.#listBase(path));
    for (const edited of this.#edits.keys()) {
      if (edited.startsWith(`${path}/`)) below.add(edited);
    }
    return [...below].filter((one) => this.#edits.get(one) !== null);
  }

  write(path: string, content: Buffer): void {
    const mode = this.#edits.get(path)?.mode;
    this.#edits.set(path, { content, ...(mode ? { mode } : {}) });
  }

  remove(path: string): void {
    this.#edits.set(path, null);
  }

  async move(from: string, to: string): Promise<void> {
    const file = await this.#find(from);
    if (!file) throw new WaymarkError('VAL_FAILED', `${from} is no file that can be renamed`);
    this.#edits.set(from, null);
    this.#edits.set(to, { mode: '100644', ...file });
  }

  /** Without what came back to what it was. */
  async changes(): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    for (const [path, file] of this.#edits) {
      const before = await this.#entry(path);
      if (file === null) {
        if (before) changes.push({ path, content: null });
      } else if (!isSame(file, before)) changes.push({ path, ...file });
    }
    return changes;
  }

  async #find(path: string): Promise<EditedFile | undefined> {
    const edited = this.#edits.get(path);
    if (edited !== undefined) return edited ?? undefined;
    const entry = await this.#entry(path);
    if (!entry || !isFileMode(entry.mode)) return undefined;
    return { content: { oid: entry.oid }, mode: entry.mode };
  }

  /** Of the base. */
  async #entry(path: string): Promise<TreeEntry | undefined> {
    let entry: TreeEntry | undefined;
    for (const name of path.split('/')) {
      if (entry && entry.mode !== '40000') return undefined;
      entry = (await this.#folder(entry?.oid ?? this.#root)).get(name);
      if (!entry) return undefined;
    }
    return entry;
  }

  #folder(oid: string): Promise<ReadonlyMap<string, TreeEntry>> {
    let folder = this.#folders.get(oid);
    if (!folder) {
      const entries = this.#objects.readTree(oid);
      folder = entries.then((all) => new Map(all.map((entry) => [entry.name.toString(), entry])));
      this.#folders.set(oid, folder);
    }
    return folder;
  }

  async #listBase(path: string): Promise<string[]> {
    const top = await this.#entry(path);
    const files: string[] = [];
    const folders = top?.mode === '40000' ? [{ path, oid: top.oid }] : [];
    for (let visited = 0; folders.length > 0; ) {
      const folder = folders.pop()!;
      for (const [name, { mode, oid }] of await this.#folder(folder.oid)) {
        const below = `${folder.path}/${name}`;
        if (mode === '40000') folders.push({ path: below, oid });
        else files.push(below);
        if (++visited > MAX_FILES) {
          throw new WaymarkError('VAL_FAILED', `${path} holds more than ${MAX_FILES} files`);
        }
      }
    }
    return files;
  }
}

const isFileMode = (mode: string): mode is Mode => mode === '100644' || mode === '100755';

function isSame({ content, mode }: EditedFile, before: TreeEntry | undefined): boolean {
  if (!before || (mode !== undefined && mode !== before.mode)) return false;
  return before.oid === (Buffer.isBuffer(content) ? blobOid(content) : content.oid);
}

const blobOid = (content: Buffer): string =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
