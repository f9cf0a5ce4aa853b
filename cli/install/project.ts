import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Where a project keeps what Waymark knows about it. All paths are absolute. */
export interface Project {
  dir: string;
  /** `.waymark`: this machine's alone, never committed. */
  privateDir: string;
  lockPath: string;
  statePath: string;
  clientPath: string;
  journalPath: string;
  /** Bytes as delivered, by digest. */
  objectsDir: string;
  /** Bytes that are not verified to the end. */
  incomingDir: string;
  downloadsDir: string;
}

export const PRIVATE_FOLDER = '.waymark';

export function openProject(dir: string): Project {
  const privateDir = join(resolve(dir), PRIVATE_FOLDER);
  return {
    dir: resolve(dir),
    privateDir,
    lockPath: join(resolve(dir), 'waymark.lock'),
    statePath: join(privateDir, 'state.json'),
    clientPath: join(privateDir, 'client.json'),
    journalPath: join(privateDir, 'journal.json'),
    objectsDir: join(privateDir, 'objects'),
    incomingDir: join(privateDir, 'incoming'),
    downloadsDir: join(privateDir, 'downloads'),
  };
}

/** The nearest folder, from here upwards, that is enrolled; else this one. */
export function findProject(cwd: string): Project {
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    const project = openProject(dir);
    if (existsSync(project.clientPath)) return project;
    if (dirname(dir) === dir) return openProject(cwd);
  }
}

export async function createPrivateDir({ privateDir }: Project): Promise<void> {
  await mkdir(privateDir, { recursive: true, mode: 0o700 });
  await writeFile(join(privateDir, '.gitignore'), '*\n');
}
