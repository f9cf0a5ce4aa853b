import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What a child may use before the kernel stops it. */
export interface Limits {
  addressSpaceBytes?: number;
  cpuSec?: number;
  /** Of each file that it writes. */
  fileSizeBytes?: number;
}

const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin';
const STOP_GRACE_MS = 5000;

/**
 * All that a git child knows: nothing of the server's own environment, so no
 * secret of it reaches a hook and no user's configuration changes an answer.
 */
const baseEnv = {
  PATH: SEARCH_PATH,
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  // An author may push refs/replace/*, which would make git answer with other bytes than asked for.
  GIT_NO_REPLACE_OBJECTS: '1',
};

const hasPrlimit = SEARCH_PATH.split(':').some((folder) => existsSync(`${folder}/prlimit`));

/** Starts `git`, under `prlimit` where the machine has it. The pid is git's own: prlimit execs. */
export function spawnGit(
  args: readonly string[],
  {
    env = {},
    limits,
    ...options
  }: Pick<SpawnOptions, 'stdio' | 'detached'> & {
    env?: Readonly<Record<string, string>> | undefined;
    limits?: Limits | undefined;
  },
): ChildProcess {
  const [command = 'git', ...before] = limits && hasPrlimit ? prlimit(limits) : ['git'];
  return spawn(command, [...before, ...args], { ...options, env: { ...baseEnv, ...env } });
}

function prlimit({ addressSpaceBytes, cpuSec, fileSizeBytes }: Limits): string[] {
  const command = ['prlimit'];
  if (addressSpaceBytes !== undefined) command.push(`--as=${addressSpaceBytes}`);
  if (cpuSec !== undefined) command.push(`--cpu=${cpuSec}`);
  if (fileSizeBytes !== undefined) command.push(`--fsize=${fileSizeBytes}`);
  return [...command, 'git'];
}

/** SIGTERM, so that git removes its locks and temporary files, then SIGKILL for one that will not. */
export function stopChild(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  timer.unref();
  child.once('exit', () => clearTimeout(timer));
}

/** The same for a detached child and all that it started, until its pipes are closed. */
export function stopGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  signalGroup(pid, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), STOP_GRACE_MS);
  timer.unref();
  // Not at its exit: what it started may hold its pipes open.
  child.once('close', () => clearTimeout(timer));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
