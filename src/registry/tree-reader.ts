import { type Diagnostic, fileError, isError } from '../model/diagnostic.ts';
import { type FileEntry, sha256 } from '../model/digest.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ContentSink, TreeEntry, TreeSource } from './source.ts';
import { checkSiblings, checkTreeEntry } from './tree-rules.ts';

const MAX_ENTRIES = 500_000;
/** Trees of a bomb repeat, and each costs a question to git; of others few entries are kept. */
const KEPT_ENTRIES = 100_000;
const MIB = 1024 * 1024;
const MAX_FILE_BYTES = 5 * MIB;
/** What is in memory at once: folders are read side by side. */
const GROUP_BYTES = 8 * MIB;
const GROUP_FILES = 256;

type Content = Pick<FileEntry, 'digest' | 'size'>;

/** One blob that is asked for. `use` gets its bytes, and is not called without need. */
export interface WantedBlob {
  oid: string;
  /** From the registry's root. */
  path: string;
  use?: (bytes: Buffer) => void;
}

/**
 * One compile's way to the repository. What git takes and a registry must not
 * hold is refused here: a pack of a megabyte can stand for billions of entries
 * and terabytes of files.
 */
export class TreeReader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: TreeSource;
  readonly #sink: ContentSink;
  readonly #trees = new Map<string, readonly TreeEntry[]>();
  readonly #contents = new Map<string, Content>();
  #keptEntries = 0;
  #entriesLeft = MAX_ENTRIES;

  constructor(source: TreeSource, sink: ContentSink) {
    this.#source = source;
    this.#sink = sink;
  }

  get isFull(): boolean {
    return this.#entriesLeft < 0;
  }

  /** Counts what is listed or taken over. False once it is too much: then nothing more is listed. */
  count(entries: number): boolean {
    const wasLeft = this.#entriesLeft >= 0;
    this.#entriesLeft -= entries;
    if (this.#entriesLeft >= 0) return true;
    if (wasLeft) {
      const message = `the registry unpacks to more than ${MAX_ENTRIES} files and folders`;
      this.diagnostics.push(fileError('.', 'too-many-files', message));
    }
    return false;
  }

  /** A folder's entries that may stand there; what is said against the others goes to `diagnostics`. */
  async readFolder(path: string, tree: string, diagnostics: Diagnostic[]): Promise<TreeEntry[]> {
    const entries = await this.#readTree(path, tree, diagnostics);
    if (!this.count(entries.length)) return [];
    const names = entries.map(({ name }) => name.toString());
    for (const one of checkSiblings(path, names)) diagnostics.push(one);
    return entries.filter(({ name, mode }) => {
      const found = checkTreeEntry(path, name, mode);
      for (const one of found) diagnostics.push(one);
      return !found.some(isError);
    });
  }

  async #readTree(path: string, oid: string, diagnostics: Diagnostic[]) {
    const known = this.#trees.get(oid);
    if (known) return known;
    try {
      const entries = await this.#source.readTree(oid);
      this.#keptEntries += entries.length;
      if (this.#keptEntries <= KEPT_ENTRIES) this.#trees.set(oid, entries);
      return entries;
    } catch (error) {
      if (!(error instanceof WaymarkError) || error.code !== 'VAL_TOO_LARGE') throw error;
      diagnostics.push(fileError(path || '.', 'too-many-files', error.message));
      return [];
    }
  }

  /**
   * Stores contents and answers their size together. A file that is too large is
   * reported; neither it nor what goes beyond `limitBytes` is read.
   */
  async readContents(
    wanted: readonly WantedBlob[],
    diagnostics: Diagnostic[],
    limitBytes = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    const sizes = await this.#sizesOf(wanted);
    let total = 0;
    let group: WantedBlob[] = [];
    let groupBytes = 0;
    for (const blob of wanted) {
      const size = sizes.get(blob.oid)!;
      total += size;
      if (size > MAX_FILE_BYTES) {
        const message = `${size} bytes are over the limit of 5 MiB a file`;
        diagnostics.push(fileError(blob.path, 'file-too-large', message));
      } else if (total <= limitBytes && (blob.use || !this.#contents.has(blob.oid))) {
        group.push(blob);
        groupBytes += size;
      }
      if (groupBytes > GROUP_BYTES || group.length === GROUP_FILES) {
        await this.#readGroup(group);
        group = [];
        groupBytes = 0;
      }
    }
    await this.#readGroup(group);
    return total;
  }

  /** Undefined for what was too large to be read. */
  contentOf(oid: string): Content | undefined {
    return this.#contents.get(oid);
  }

  async #sizesOf(wanted: readonly WantedBlob[]): Promise<ReadonlyMap<string, number>> {
    const oids = [...new Set(wanted.map(({ oid }) => oid))];
    const sizes = await this.#source.readSizes(oids);
    return new Map(oids.map((oid, i) => [oid, sizes[i]!]));
  }

  async #readGroup(group: readonly WantedBlob[]): Promise<void> {
    const oids = [...new Set(group.map(({ oid }) => oid))];
    const blobs = await this.#source.readBlobs(oids);
    const bytesOf = new Map(oids.map((oid, i) => [oid, blobs[i]!]));
    for (const [oid, bytes] of bytesOf) {
      if (this.#contents.has(oid)) continue;
      const digest = sha256(bytes);
      await this.#sink.add(digest.slice('sha256:'.length), bytes);
      this.#contents.set(oid, { digest, size: bytes.length });
    }
    for (const { oid, use } of group) use?.(bytesOf.get(oid)!);
  }
}
