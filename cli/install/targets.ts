import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { UsageError } from '../errors.ts';
import type { Lock } from './lock.ts';
import { PRIVATE_FOLDER, type Project } from './project.ts';

/** Client tools, and where in a project their plugins' folders stand by default. */
const DEFAULT_DIR = {
  raw: 'plugins',
  claude: '.claude/plugins',
  'agent-plugin': '.agents/plugins',
  opencode: '.opencode/plugins',
  cursor: '.cursor/plugins',
} as const;

export const TARGETS = Object.keys(DEFAULT_DIR);

/** Where a project's plugins go, and in which layout. `dir` is relative to the project, with `/`. */
export interface Placement {
  target: string;
  dir: string;
}

/**
 * What was asked for, else what the lock says, else the raw layout.
 *
 * @throws {UsageError} when that would leave the old install behind, or lies outside the project
 */
export function placeInstall(
  project: Project,
  asked: { target?: string | undefined; dir?: string | undefined },
  lock: Lock | undefined,
): Placement {
  const target = asked.target ?? lock?.target ?? 'raw';
  if (!(target in DEFAULT_DIR)) {
    throw new UsageError(`${target} is no target: choose one of ${TARGETS.join(', ')}`);
  }
  const ownDir = lock?.target === target ? lock.dir : undefined;
  const dir = asked.dir
    ? toPortable(relative(project.dir, resolve(project.dir, asked.dir)))
    : (ownDir ?? DEFAULT_DIR[target as keyof typeof DEFAULT_DIR]);
  if (!asked.dir) checkInside(project, dir);
  checkFree(dir, target, lock);
  return { target, dir };
}

export const installDirOf = ({ dir: base }: Project, { dir }: Placement): string => join(base, dir);

const toPortable = (path: string): string => path.split(sep).join('/');

/** A lock file comes with the project, from anyone: only its reader may choose another place. */
function checkInside(project: Project, dir: string): void {
  const path = relative(project.dir, resolve(project.dir, dir));
  if (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)) return;
  throw new UsageError(`waymark.lock puts plugins at ${dir}: confirm with --dir ${dir}`);
}

function checkFree(dir: string, target: string, lock: Lock | undefined): void {
  if (dir === '' || dir.split('/')[0] === PRIVATE_FOLDER) {
    throw new UsageError(`plugins cannot stand at ${dir || 'the project itself'}: choose a --dir`);
  }
  const isInstalled = lock !== undefined && Object.keys(lock.plugins).length > 0;
  if (!isInstalled || (lock.dir === dir && lock.target === target)) return;
  throw new UsageError(
    `plugins are installed for ${lock.target} at ${lock.dir}. One project has one place: ` +
      `\`waymark remove ${Object.keys(lock.plugins).join(' ')}\` first, or sync another folder`,
  );
}
