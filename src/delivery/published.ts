import type { Diagnostic } from '../model/diagnostic.ts';
import { sha256Hex } from '../model/digest.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { COMPILER_VERSION } from '../registry/compile.ts';
import { PARSER_VERSION } from '../registry/document.ts';
import type { Fragment } from '../registry/fragment.ts';
import { SCHEMA_SET_DIGEST } from '../registry/schemas.ts';
import type { ConfigFolder, Snapshot } from '../registry/snapshot.ts';
import { SymbolTable } from '../registry/symbols.ts';
import type { PluginRecord } from './record.ts';

/** A commit as it is served: its records in memory, its snapshot read only to compile the next. */
export interface Published {
  commit: string;
  /** First-parent commits up to and with it. */
  ordinal: number;
  records: ReadonlyMap<string, PluginRecord>;
  config: ReadonlyMap<string, ConfigFolder>;
  warnings: readonly Diagnostic[];
  /** What pushes replaced in the last day: a client may still hold an index that names it. */
  replaced: readonly ReplacedContent[];
  /** False when an older compiler made it: then the same commit is compiled again. */
  isCurrent: boolean;
  snapshot(): Promise<Snapshot>;
}

export interface ReplacedContent {
  plugin: string;
  contentDigest: string;
  /** The record's artifact name. */
  record: string;
  atMs: number;
}

/** Replaced content stays served for a day, as an index does; and an hour for slow clients. */
const KEPT_MS = 25 * 3_600_000;

/** What a stored snapshot must have been made by to be built upon; it is served in any case. */
const COMPILER = `${COMPILER_VERSION} ${PARSER_VERSION} ${SCHEMA_SET_DIGEST}`;

/** Raised when a stored publication could no longer be read by this code. */
const FORMAT = 1;

interface StoredPublication {
  format: number;
  compiler: string;
  commit: string;
  ordinal: number;
  tree: string;
  pluginsTree: string;
  /** [plugin id, fragment, record], the last two as artifact names. */
  plugins: [string, string, string][];
  shared: string | null;
  config: string;
  warnings: readonly Diagnostic[];
  replaced: readonly ReplacedContent[];
}

const namesByValue = new WeakMap<object, string>();

/** Stores what is new of a publication, in one durable write, and answers its artifact name. */
export async function storePublished(
  artifacts: ArtifactStore,
  published: Omit<Published, 'snapshot' | 'config' | 'warnings' | 'isCurrent'>,
  snapshot: Snapshot,
): Promise<string> {
  const config = [...snapshot.config];
  const values: object[] = [...snapshot.plugins.values(), ...published.records.values(), config];
  if (snapshot.shared) values.push(snapshot.shared);
  const fresh = values.filter((value) => !artifacts.has(namesByValue.get(value) ?? ''));
  const bytes = fresh.map((value) => Buffer.from(JSON.stringify(value)));
  const freshNames = new Map(fresh.map((value, i) => [value, sha256Hex(bytes[i]!)]));
  const nameOf = (value: object): string => freshNames.get(value) ?? namesByValue.get(value)!;
  const stored: StoredPublication = {
    format: FORMAT,
    compiler: COMPILER,
    commit: published.commit,
    ordinal: published.ordinal,
    tree: snapshot.tree,
    pluginsTree: snapshot.pluginsTree,
    plugins: [...snapshot.plugins].map(([id, fragment]) => [
      id,
      nameOf(fragment),
      nameOf(published.records.get(id)!),
    ]),
    shared: snapshot.shared ? nameOf(snapshot.shared) : null,
    config: nameOf(config),
    warnings: snapshot.warnings,
    replaced: published.replaced,
  };
  const names = await artifacts.write([...bytes, Buffer.from(JSON.stringify(stored))]);
  // Only now: a name stands for bytes that are durable.
  for (const [value, name] of freshNames) namesByValue.set(value, name);
  return names.at(-1)!;
}

/**
 * Reads a publication back. Undefined when it is missing or of another format:
 * then the commit is compiled again.
 *
 * @throws {WaymarkError} `REG_CORRUPT` when stored bytes do not match their name
 */
export async function loadPublished(
  artifacts: ArtifactStore,
  name: string,
): Promise<Published | undefined> {
  const stored = await readJson<StoredPublication>(artifacts, name);
  if (stored?.format !== FORMAT) return undefined;
  const records = new Map<string, PluginRecord>();
  for (const [id, , record] of stored.plugins) {
    records.set(id, await readNamed<PluginRecord>(artifacts, record));
  }
  const config = new Map(await readNamed<[string, ConfigFolder][]>(artifacts, stored.config));
  const { commit, ordinal, warnings, replaced } = stored;
  let snapshot: Promise<Snapshot> | undefined;
  return {
    commit,
    ordinal,
    records,
    config,
    warnings,
    replaced,
    isCurrent: stored.compiler === COMPILER,
    snapshot() {
      snapshot ??= loadSnapshot(artifacts, stored, config, records);
      return snapshot;
    },
  };
}

/**
 * The names of all that a stored publication is made of, its own first; contents are in git.
 *
 * @throws {WaymarkError} `REG_CORRUPT` when the stored bytes do not match their name
 */
export async function publicationParts(artifacts: ArtifactStore, name: string): Promise<string[]> {
  const stored = await readJson<StoredPublication>(artifacts, name);
  if (stored?.format !== FORMAT) return [];
  const { plugins, shared, config, replaced } = stored;
  const documents = plugins.flatMap(([, fragment, record]) => [fragment, record]);
  const kept = replaced.map(({ record }) => record);
  return [name, ...documents, ...(shared === null ? [] : [shared]), config, ...kept];
}

async function loadSnapshot(
  artifacts: ArtifactStore,
  { plugins: names, shared: sharedName, tree, pluginsTree, warnings }: StoredPublication,
  config: ReadonlyMap<string, ConfigFolder>,
  records: ReadonlyMap<string, PluginRecord>,
): Promise<Snapshot> {
  const plugins = new Map<string, Fragment>();
  for (const [id, fragment] of names) {
    plugins.set(id, await readNamed<Fragment>(artifacts, fragment));
  }
  const shared = sharedName === null ? undefined : await readNamed<Fragment>(artifacts, sharedName);
  const fragments = [...plugins.values(), ...(shared ? [shared] : [])];
  const symbols = new Map(
    fragments.flatMap(({ root, objects }) =>
      objects.map(({ id, documentPath }) => [id, `${root}/${documentPath}`] as const),
    ),
  );
  const contents = new Map([...records].map(([id, { content }]) => [id, content]));
  const table = new SymbolTable(symbols);
  return { tree, pluginsTree, plugins, shared, config, symbols: table, contents, warnings };
}

/** What the next publication keeps of the one before it, and of what that one kept. */
export function keepReplaced(
  before: Published | undefined,
  records: ReadonlyMap<string, PluginRecord>,
  nowMs: number,
): ReplacedContent[] {
  const kept = (before?.replaced ?? []).filter(({ atMs }) => nowMs - atMs < KEPT_MS);
  for (const [plugin, record] of before?.records ?? []) {
    const { contentDigest } = record.content;
    if (records.get(plugin)?.content.contentDigest === contentDigest) continue;
    const name = namesByValue.get(record);
    if (name !== undefined) kept.push({ plugin, contentDigest, record: name, atMs: nowMs });
  }
  return kept;
}

/** A record by its artifact name, as a release row keeps it. */
export const readRecord = (artifacts: ArtifactStore, name: string): Promise<PluginRecord> =>
  readNamed<PluginRecord>(artifacts, name);

export async function storeRecord(artifacts: ArtifactStore, record: PluginRecord): Promise<string> {
  const known = namesByValue.get(record);
  if (known !== undefined && artifacts.has(known)) return known;
  const [name] = await artifacts.write([Buffer.from(JSON.stringify(record))]);
  namesByValue.set(record, name!);
  return name!;
}

async function readNamed<T extends object>(artifacts: ArtifactStore, name: string): Promise<T> {
  const value = await readJson<T>(artifacts, name);
  if (value === undefined) {
    throw new WaymarkError('REG_CORRUPT', 'a part of the active snapshot is missing');
  }
  namesByValue.set(value, name);
  return value;
}

async function readJson<T>(artifacts: ArtifactStore, name: string): Promise<T | undefined> {
  const bytes = await artifacts.read(name);
  return bytes === undefined ? undefined : (JSON.parse(bytes.toString()) as T);
}
