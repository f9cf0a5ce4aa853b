import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const OID = /^[0-9a-f]{40}\n$/;

/**
 * Refs read from their files, loose ones over packed ones as git does: a
 * `for-each-ref` costs its start, and that holds up every other request for
 * milliseconds. Undefined where only git can tell: another ref format, a
 * symbolic ref, no repository.
 *
 * @param name of a ref, or of a folder of refs with its `/`
 */
export async function readRefFiles(
  repo: string,
  name: string,
): Promise<Map<string, string> | undefined> {
  if (!(await exists(join(repo, 'HEAD'))) || (await exists(join(repo, 'reftable'))))
    return undefined;
  // Loose before packed: packing writes its file before it removes the loose one.
  const names = name.endsWith('/') ? await namesIn(repo, name) : [name];
  const loose = await Promise.all(
    names.map(async (ref) => [ref, await readText(join(repo, ref))] as const),
  );
  const packed = await readText(join(repo, 'packed-refs'));
  const refs = new Map<string, string>();
  for (const line of packed?.split('\n') ?? []) {
    const ref = line.slice(41);
    const isWanted = ref === name || (name.endsWith('/') && ref.startsWith(name));
    if (isWanted && !line.startsWith('#')) refs.set(ref, line.slice(0, 40));
  }
  for (const [ref, text] of loose) {
    if (text === undefined) continue; // packed meanwhile, or deleted
    if (!OID.test(text)) return undefined;
    refs.set(ref, text.slice(0, 40));
  }
  return new Map([...refs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function namesIn(repo: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(repo, folder), { recursive: true, withFileTypes: true }).catch(
    absent,
  );
  return (entries ?? [])
    .filter((entry) => !entry.isDirectory() && !entry.name.endsWith('.lock'))
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(repo, '/').length));
}

const readText = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch(absent);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function absent(error: NodeJS.ErrnoException): undefined {
  // A folder stands where a ref could: then there is no such ref.
  if (error.code === 'ENOENT' || error.code === 'EISDIR' || error.code === 'ENOTDIR') return;
  throw error;
}
