import { TYPE_OF_FOLDER } from '../../src/model/names.ts';
import {
  CLAUDE_FOLDER,
  CLAUDE_PLACES,
  writePlaces,
} from '../../src/registry/layout/claude-places.ts';
import { bytesOf, type JsonFile } from '../../src/registry/layout/json-file.ts';
import { type Entry, MARKETPLACE_FILE } from './marketplace.ts';
import { refusalOf } from './registry-document.ts';
import type { Difference, Note, NoteCode } from './report.ts';
import { type Files, fileOf, type ImportFile } from './source-tree.ts';

/** A plugin on its way from a source folder to `plugins/<id>/`. Paths are relative to either. */
export class PluginImport {
  readonly id: string;
  readonly entry: Entry;
  readonly source: Files;
  readonly output: Files = new Map();
  readonly notes: Note[] = [];
  readonly differences: Difference[] = [];
  /** Objects that do not stand at their usual place in the source. */
  readonly places = new Map<string, string>();
  readonly #moved = new Set<string>();

  constructor(id: string, entry: Entry, source: Files) {
    this.id = id;
    this.entry = entry;
    this.source = source;
  }

  /** A note about a file of the source. */
  note(code: NoteCode, path: string, message: string, field?: string): void {
    const { folder } = this.entry;
    const inSource = folder ? `${folder}/${path}` : path;
    this.notes.push({ code, path: inSource, ...(field === undefined ? {} : { field }), message });
  }

  /** A note about the marketplace's entry. */
  noteEntry(code: NoteCode, message: string, field: string): void {
    const at = `${this.entry.name}.${field}`;
    this.notes.push({ code, path: MARKETPLACE_FILE, field: at, message });
  }

  differ(path: string, change: Difference['change']): void {
    if (this.differences.some((known) => known.path === path)) return;
    this.differences.push({ plugin: this.id, path, change });
  }

  /** Adds a config object's document, unless the registry would refuse it. */
  async addDocument(path: string, file: ImportFile, from: string): Promise<boolean> {
    const refusal = await refusalOf(`plugins/${this.id}/${path}`, file);
    if (refusal) this.note('object-refused', from, refusal);
    else this.output.set(path, file);
    return refusal === undefined;
  }

  move(from: string, to: string): void {
    if (this.#moved.has(from)) return;
    this.#moved.add(from);
    this.output.set(to, this.source.get(from)!);
  }

  /** Keeps what no object took, where the Claude layout finds it again. */
  keepRest(edited: ReadonlyMap<string, JsonFile>): void {
    const changed = [...edited.values()].filter(({ isChanged }) => isChanged);
    const rest = new Map(this.source);
    for (const file of changed) {
      if (this.source.has(file.path)) this.differ(file.path, 'changed');
      rest.set(file.path, fileOf(bytesOf(file)));
    }
    for (const [path, file] of rest) {
      if (this.#moved.has(path)) continue;
      const isPlain = !isRegistryPath(path);
      this.output.set(isPlain ? path : `${CLAUDE_FOLDER}${path}`, file);
      if (!isPlain) this.note('file-moved', path, `kept under ${CLAUDE_FOLDER}`);
    }
    if (this.places.size > 0) this.output.set(CLAUDE_PLACES, fileOf(writePlaces(this.places)));
  }
}

/** A path that the registry reads as something else than a plain file of the plugin. */
function isRegistryPath(path: string): boolean {
  const [top = '', second = '', ...deeper] = path.split('/');
  if (['server', 'objects', '.layouts', '.waymark'].includes(top)) return true;
  if (second === '') return /^plugin\.ya?ml$/.test(top);
  return TYPE_OF_FOLDER.has(top) && (deeper.length > 0 || /\.ya?ml$/.test(second));
}
