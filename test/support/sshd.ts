import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { installPackage, isDebianRoot } from './debian.ts';

const run = promisify(execFile);

/** An ssh server on the loopback address that lets one key in, as whoever runs the tests. */
export interface Sshd {
  host: string;
  port: number;
  user: string;
  /** A line for `known_hosts`. */
  knownHosts: string;
  /** The private key that it lets in. */
  privateKey: string;
  /** Of a key that it does not know. */
  strangersKey: string;
  stop(): Promise<void>;
}

export const HOW_TO_INSTALL_SSHD =
  'sshd is missing: install it (Debian: apt-get install openssh-server)';

const PLACES = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/usr/bin/sshd'];

/** Undefined where it is not installed and cannot be, which is an error under CI=true. */
export async function startSshd(): Promise<Sshd | undefined> {
  const binary = PLACES.find(existsSync) ?? (await installOnDebian());
  if (binary) return await start(binary);
  if (process.env['CI'] === 'true') throw new Error(HOW_TO_INSTALL_SSHD);
  console.warn(`skipped: ${HOW_TO_INSTALL_SSHD}`);
  return undefined;
}

async function installOnDebian(): Promise<string | undefined> {
  if (!isDebianRoot()) return undefined;
  await installPackage('openssh-server');
  return PLACES.find(existsSync);
}

/** As in postgres.ts: even a test run that is killed leaves nothing behind. */
const GUARD = '"$@" & read -r _; kill $!; wait; rm -rf "$0"';

async function start(binary: string): Promise<Sshd> {
  const dir = await mkdtemp(join(tmpdir(), 'waymark-sshd-'));
  const keys = ['host', 'client', 'stranger'].map((name) => join(dir, name));
  for (const file of keys) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const [host = '', client = '', stranger = ''] = keys;
  // Where it locks itself in; Debian makes it when it starts the service.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${host}`,
    `AuthorizedKeysFile ${client}.pub`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'AcceptEnv GIT_PROTOCOL',
    'PidFile none',
    'MaxStartups 100',
  ];
  await writeFile(join(dir, 'config'), `${settings.join('\n')}\n`);

  const server = [binary, '-D', '-e', '-f', join(dir, 'config')];
  const guard = spawn('/bin/sh', ['-c', GUARD, dir, ...server], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const stop = async () => {
    guard.stdin.end();
    await ended;
  };
  await listening(guard.stderr).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const [type, key] = (await readFile(`${host}.pub`, 'utf8')).split(' ');
  return {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    knownHosts: `[127.0.0.1]:${port} ${type} ${key}\n`,
    privateKey: await readFile(client, 'utf8'),
    strangersKey: await readFile(stranger, 'utf8'),
    stop,
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function listening(log: Readable): Promise<void> {
  let said = '';
  for await (const chunk of log.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (said.includes('Server listening on')) return void log.resume();
    if (/fatal|Cannot bind|error:/.test(said)) break;
  }
  throw new Error(`sshd did not start:\n${said}`);
}
