import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../package.ts';

/**
 * Where editors find the types of `waymark/plugin`, in a plugin that has `node_modules`; packing
 * needs no such link. Made anew while the plugin is worked on: `npm install` removes what
 * `package.json` does not name.
 */
export async function linkPackage(dir: string): Promise<void> {
  await symlink(packageRoot, join(dir, 'node_modules/waymark'), 'junction').catch(allow);
}

function allow(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
}
