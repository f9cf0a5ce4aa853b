import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, open, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../errors.ts';
import { writeSynced } from './files.ts';
import type { Objects } from './objects.ts';
import type { PluginPlan, Source } from './plan.ts';
import type { Swap } from './swap.ts';

/** Beside the plugins' folders, so that a rename never crosses file systems. */
const STAGING_FOLDER = '.waymark-staging';

export const stagingDir = (installDir: string): string => join(installDir, STAGING_FOLDER);

/** Builds the new folders whole, and says which to exchange. The live ones are only read. */
export async function stagePlugins(
  plans: readonly PluginPlan[],
  installDir: string,
  objects: Objects,
): Promise<Swap[]> {
  const dir = stagingDir(installDir);
  await rm(dir, { recursive: true, force: true });
  const swaps: Swap[] = [];
  for (const plan of plans.filter(({ isChange }) => isChange)) {
    const live = join(installDir, plan.plugin);
    const aside = join(dir, `${plan.plugin}.old`);
    const staged = join(dir, plan.plugin);
    await mkdir(dir, { recursive: true });
    if (plan.folder.size > 0 || plan.locked) {
      await stagePlugin(plan, { live, staged }, objects);
      swaps.push({ live, aside, staged });
    } else {
      swaps.push({ live, aside });
    }
  }
  return swaps;
}

async function stagePlugin(
  { folder }: PluginPlan,
  { live, staged }: { live: string; staged: string },
  objects: Objects,
): Promise<void> {
  await mkdir(staged);
  for (const [path, source] of folder) {
    const to = join(staged, path);
    await mkdir(dirname(to), { recursive: true });
    if (source.kind === 'local') await copyOwn(join(live, source.from), to);
    else await writeDelivered(to, source, objects);
  }
}

async function writeDelivered(
  to: string,
  { digest, mode }: Extract<Source, { kind: 'object' }>,
  objects: Objects,
): Promise<void> {
  const bytes = await objects.read(digest);
  if (!bytes) throw new Failure(`${digest} is no longer stored here: run \`waymark sync\` again`);
  await writeSynced(to, bytes, mode === '0755' ? 0o755 : 0o644);
}

/** A link stays the link that the user made; nothing is read through it. */
async function copyOwn(from: string, to: string): Promise<void> {
  const found = await lstat(from);
  if (found.isSymbolicLink()) return symlink(await readlink(from), to);
  if (!found.isFile()) throw new Failure(`${from} is neither file, folder nor link: move it away`);
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  // The original goes away once the new folder is in place.
  const copy = await open(to, 'r');
  try {
    await copy.sync();
  } finally {
    await copy.close();
  }
}
