import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { installPackage, isDebianRoot } from './debian.ts';

export interface RunningRedis {
  /** `redis://127.0.0.1:<port>`. */
  url: string;
  port: number;
  /** To stop it for a while by SIGSTOP, or for good by SIGKILL. */
  signal: (signal: NodeJS.Signals) => void;
  stop: () => Promise<void>;
}

export const HOW_TO_INSTALL_REDIS =
  'Redis is missing: install it (Debian: apt-get install redis-server; macOS: brew install redis) or set TEST_REDIS_URL';

/** TEST_REDIS_URL's, else a private server from an installed binary; undefined where there is none. */
export async function findRedis(): Promise<Pick<RunningRedis, 'url' | 'stop'> | undefined> {
  const given = process.env['TEST_REDIS_URL'];
  if (given) return { url: given, stop: async () => {} };
  const binary = findBinary() ?? (await installOnDebian());
  return binary === undefined ? undefined : startRedis();
}

function findBinary(): string | undefined {
  const dirs = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/opt/homebrew/bin'];
  return dirs.map((dir) => join(dir, 'redis-server')).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function installOnDebian(): Promise<string | undefined> {
  if (!isDebianRoot()) return undefined;
  await installPackage('redis-server');
  return findBinary();
}

/**
 * A shell stands beside the server and ends it, and removes its files, once its
 * standard input closes: so even a test run that is killed leaves nothing behind.
 */
const GUARD = '"$@" & echo "pid $!"; read -r _; kill -KILL $!; wait; rm -rf "$0"';

/**
 * A server of one test's own, which it may kill or empty. It keeps nothing on
 * disk: a second one on the same `port` has lost everything, as Redis has
 * without persistence.
 */
export async function startRedis(port?: number): Promise<RunningRedis> {
  const binary = findBinary();
  if (binary === undefined) throw new Error(HOW_TO_INSTALL_REDIS);
  const chosen = port ?? (await freePort());
  const dir = await mkdtemp(join(tmpdir(), 'waymark-redis-'));
  const options = ['--port', String(chosen), '--bind', '127.0.0.1', '--save', '', '--dir', dir];
  const guard = spawn('/bin/sh', ['-c', GUARD, dir, binary, ...options], {
    cwd: dir,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    guard.stdin.end();
    await ended;
  };
  const pid = await ready(guard.stdout).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  guard.unref();
  const signal = (name: NodeJS.Signals) => void process.kill(pid, name);
  return { url: `redis://127.0.0.1:${chosen}`, port: chosen, signal, stop };
}

async function ready(log: Readable): Promise<number> {
  let said = '';
  for await (const chunk of log.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    const [, pid] = /^pid (\d+)$/m.exec(said) ?? [];
    if (pid && said.includes('Ready to accept connections')) {
      log.resume();
      return Number(pid);
    }
    if (said.includes('Failed listening')) break;
  }
  throw new Error(`Redis did not start:\n${said}`);
}

/** The server itself cannot be asked to pick one: its port 0 means none. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
