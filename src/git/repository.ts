import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from './durable-fs.ts';
import { HOOKS } from './hook.ts';
import { runGit } from './run.ts';

const settings = {
  'user.name': 'Waymark',
  'user.email': 'waymark@localhost',
  'receive.fsckObjects': 'true',
  'receive.maxInputSize': String(256 * 1024 * 1024),
  'receive.denyNonFastForwards': 'true',
  'receive.denyDeletes': 'true',
  'receive.autogc': 'false',
  'receive.advertisePushOptions': 'false',
  'transfer.hideRefs': ['refs/internal', 'refs/upstream'],
  'uploadpack.allowFilter': 'true',
  'core.logAllRefUpdates': 'always',
  'core.fsync': 'committed,reference',
  'core.useReplaceRefs': 'false',
  // Two live writers of one ref wait for each other rather than fail.
  'core.filesRefLockTimeout': '2000',
  'core.packedRefsTimeout': '5000',
  // Windows of a gigabyte do not fit the address space that a child gets.
  'core.packedGitWindowSize': '16m',
  'core.packedGitLimit': '128m',
  'pack.threads': '1',
  'gc.auto': '0',
};

/** Orgs are spread over 256 folders: a folder of a million entries is slow to list. */
export function repositoryPath(dataDir: string, org: string): string {
  const shard = createHash('sha256').update(org).digest('hex').slice(0, 2);
  return join(dataDir, 'git', shard, `${org}.git`);
}

/**
 * Creates a bare repository whose only writers are the gate and the server.
 * It is whole or not there: a crash leaves a `.creating-…` folder beside it.
 *
 * @throws when `path` exists already
 */
export async function createRepository(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = await mkdtemp(join(dirname(path), '.creating-'));
  try {
    await runGit(draft, ['init', '--quiet', '--bare', '--initial-branch=main', '--template=']);
    await writeFile(join(draft, 'config'), configText(), { flag: 'a' });
    await installHooks(draft);
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Moved away first, so that a reader meets all of it or nothing. */
export async function deleteRepository(path: string): Promise<void> {
  const grave = await mkdtemp(join(dirname(path), '.deleting-'));
  try {
    await rename(path, join(grave, 'repository'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    await rm(grave, { recursive: true, force: true });
  }
}

/** One `[section]` a setting: git joins them. */
function configText(): string {
  return Object.entries(settings)
    .flatMap(([name, values]) => [values].flat().map((value) => settingText(name, value)))
    .join('');
}

function settingText(name: string, value: string): string {
  const dot = name.indexOf('.');
  return `[${name.slice(0, dot)}]\n\t${name.slice(dot + 1)} = ${value}\n`;
}

async function installHooks(repo: string): Promise<void> {
  await mkdir(join(repo, 'hooks'), { recursive: true });
  for (const [name, script] of Object.entries(HOOKS)) {
    await writeFile(join(repo, 'hooks', name), script);
    await chmod(join(repo, 'hooks', name), 0o755);
  }
}
