import { byPosition, type Diagnostic } from '../model/diagnostic.ts';
import { hexOf } from '../model/digest.ts';
import type { PluginContent } from '../model/object.ts';
import type { Result } from '../model/result.ts';
import { compile } from './compile.ts';
import { openFolderSource } from './folder-source.ts';
import { ParsePool } from './parse-pool.ts';
import { scanForSecrets } from './secret-scan.ts';
import type { Snapshot } from './snapshot.ts';
import type { ContentSink } from './source.ts';

export interface DirectoryReport {
  ok: boolean;
  /** Errors and warnings, by position. */
  diagnostics: readonly Diagnostic[];
  plugins: number;
  objects: number;
}

/** Looks at a working tree as the gate would at its commit, for `waymark validate`. */
export async function compileDirectory(dir: string): Promise<DirectoryReport> {
  const { result } = await compileFolder(dir, { add: async () => {} });
  const secrets = await findSecrets(dir);
  const found = result.ok ? result.value.warnings : result.error;
  const diagnostics = [...found, ...secrets].sort(byPosition);
  if (!result.ok || secrets.length > 0) return { ok: false, diagnostics, plugins: 0, objects: 0 };
  const contents = [...result.value.contents.values()];
  const objects = contents.reduce((sum, content) => sum + content.objects.length, 0);
  return { ok: true, diagnostics, plugins: contents.length, objects };
}

async function findSecrets(dir: string): Promise<Diagnostic[]> {
  const { tree, source } = await openFolderSource(dir);
  return await visit(tree, '');

  async function visit(oid: string, folder: string): Promise<Diagnostic[]> {
    const entries = (await source.readTree(oid)).map((entry) => ({
      ...entry,
      path: folder + entry.name.toString(),
    }));
    const [folders, files] = [
      entries.filter(({ mode }) => mode === '40000'),
      entries.filter(({ mode }) => mode !== '40000'),
    ];
    const blobs = await source.readBlobs(files.map((file) => file.oid));
    const here = await scanForSecrets(files.map(({ path }, i) => ({ path, bytes: blobs[i]! })));
    const below = await Promise.all(folders.map((sub) => visit(sub.oid, `${sub.path}/`)));
    return [here, ...below].flat();
  }
}

/**
 * Compiles a working tree and keeps its contents in memory.
 *
 * @throws {AggregateError} one Error for each diagnostic when it does not compile
 */
export async function compileDirectoryContents(dir: string): Promise<{
  contents: ReadonlyMap<string, PluginContent>;
  read: (digest: string) => Promise<Buffer>;
}> {
  const bytesByHex = new Map<string, Buffer>();
  const { result } = await compileFolder(dir, {
    add: async (hex, bytes) => void bytesByHex.set(hex, bytes),
  });
  if (!result.ok) {
    const errors = result.error.map(({ path, message }) => new Error(`${path}: ${message}`));
    throw new AggregateError(errors, `${dir} does not compile`);
  }
  return {
    contents: result.value.contents,
    read: async (digest) => bytesByHex.get(hexOf(digest))!,
  };
}

async function compileFolder(
  dir: string,
  sink: ContentSink,
): Promise<{ result: Result<Snapshot, Diagnostic[]> }> {
  const pool = new ParsePool();
  try {
    const { tree, source } = await openFolderSource(dir);
    return { result: await compile({ source, tree, sink, pool }) };
  } finally {
    pool.close();
  }
}
