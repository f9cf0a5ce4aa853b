import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerOptions {
  /** Settings, as the environment gives them. */
  env?: Record<string, string>;
  /** Kept by `stop`; without one it is the server's own and removed with it. */
  dataDir?: string;
  /** `WAYMARK_FAILPOINTS`. */
  failpoints?: string;
  /** A command that becomes the server, whose command line is given to it. */
  within?: readonly string[];
}

export interface RunningServer {
  url: string;
  dataDir: string;
  /** A site admin's. */
  adminKey: string;
  pid: number;
  /** Resolves with the exit code, null after a signal such as SIGKILL. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
  /** The exit code by itself, such as at a failpoint. */
  ended: Promise<number | null>;
  /** What ended it, null where it ended by itself. */
  signal: Promise<NodeJS.Signals | null>;
  stop(): Promise<void>;
  /** All that it said so far. */
  log(): string;
}

const main = join(import.meta.dirname, '../../src/main.ts');

/** A real server process on a free port of the loopback address, with no rate limit. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const { env = {}, failpoints = '', within = [] } = options;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'waymark-server-')));
  const { child, ended, signal, log } = run(
    {
      WAYMARK_DATA_DIR: dataDir,
      WAYMARK_FAILPOINTS: failpoints,
      WAYMARK_RATE_LIMIT: 'off',
      ...env,
    },
    within,
  );

  async function kill(by: NodeJS.Signals): Promise<number | null> {
    child.kill(by);
    return ended;
  }

  async function stop(): Promise<void> {
    await kill('SIGTERM');
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  }

  try {
    const url = await listening(child, ended, log);
    const file = join(dataDir, 'admin-key');
    const adminKey = env['WAYMARK_ADMIN_TOKEN'] ?? (await readFile(file, 'utf8')).trim();
    return { url, dataDir, adminKey, pid: child.pid!, kill, ended, signal, stop, log };
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
}

/** For a server that is not to start: its exit code, and what it said. One that starts is killed. */
export async function runServer(
  env: Record<string, string>,
): Promise<{ exitCode: number | null; said: string }> {
  const { child, ended, log } = run(env);
  listening(child, ended, log).then(
    () => child.kill('SIGKILL'),
    () => {},
  );
  const exitCode = await ended;
  return { exitCode, said: log() };
}

function run(env: Record<string, string>, within: readonly string[] = []) {
  const [command, ...args] = [...within, process.execPath, main];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Of the tests' own environment only what every process needs.
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      WAYMARK_PORT: '0',
      ...env,
    },
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = closed.then(([code]) => code);
  const signal = closed.then(([, by]) => by);
  return { child, ended, signal, log: () => said };
}

function listening(
  child: ChildProcess,
  ended: Promise<number | null>,
  log: () => string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      // The whole line: a chunk may end within the port.
      const [, url] = /^waymark listening on (\S+)\n/m.exec(log()) ?? [];
      if (url) resolve(url);
    };
    child.stdout?.on('data', look);
    void ended.then((code) => reject(new Error(`the server ended with ${code}:\n${log()}`)));
  });
}
