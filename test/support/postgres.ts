import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, chownSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import pg from 'pg';
import { installPackage, isDebianRoot } from './debian.ts';

const run = promisify(execFile);

export interface RunningPostgres {
  /** Of its administrative database. */
  url: string;
  stop: () => Promise<void>;
}

export interface OwnPostgres extends RunningPostgres {
  /** As `pg_ctl -m immediate restart`: every connection ends at once, and the log is replayed. */
  restart: () => Promise<void>;
}

export const HOW_TO_INSTALL =
  'PostgreSQL is missing: install it (Debian: apt-get install postgresql; macOS: brew install postgresql) or set TEST_DATABASE_URL';

/** TEST_DATABASE_URL's, else a private server from installed binaries; undefined where there are none. */
export async function startPostgres(): Promise<RunningPostgres | undefined> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { url: given, stop: async () => {} };
  const binaries = (await findBinaries()) ?? (await installOnDebian());
  return binaries === undefined ? undefined : startPrivate(binaries);
}

/** A server of one test's own, which it may break; undefined where no binaries are installed. */
export async function startOwnPostgres(): Promise<OwnPostgres | undefined> {
  const binaries = await findBinaries();
  return binaries === undefined ? undefined : startPrivate(binaries);
}

async function findBinaries(): Promise<string | undefined> {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? await readdir(debian) : [];
  const installed = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, 'bin'));
  for (const dir of [...(process.env['PATH'] ?? '').split(delimiter), ...installed]) {
    // Through the link: the server looks for its own files beside the real binary.
    if (isProgram(join(dir, 'postgres'))) return dirname(await realpath(join(dir, 'postgres')));
  }
  return undefined;
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
  // Debian would make a cluster of its own, and leave it there.
  mkdirSync('/etc/postgresql-common/createcluster.d', { recursive: true });
  writeFileSync(
    '/etc/postgresql-common/createcluster.d/waymark-test.conf',
    'create_main_cluster = false\n',
  );
  await installPackage('postgresql');
  return findBinaries();
}

/**
 * A shell stands beside the server and ends it, and removes its files, once its
 * standard input closes: so even a test run that is killed leaves nothing behind.
 * For each line there it ends the server, and starts it again.
 */
const GUARD = `
  while "$@" & read -r _; do kill -QUIT $!; wait $!; done
  kill -QUIT $!; wait; rm -rf "$0"`;

async function startPrivate(binaries: string): Promise<OwnPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'waymark-postgres-'));
  const account = unprivilegedAccount();
  if (account) chownSync(dir, account.uid, account.gid);

  const data = join(dir, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
  const options = { cwd: dir, ...account };
  await run(join(binaries, 'initdb'), initdb, options);

  const server = [join(binaries, 'postgres'), '-D', data, '-k', dir, '-h', '', '-F'];
  const guard = spawn('/bin/sh', ['-c', GUARD, dir, ...server], {
    ...options,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    guard.stdin.end();
    await ended;
  };
  await ready(guard.stderr).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  guard.unref();
  const restart = async (): Promise<void> => {
    const isBack = ready(guard.stderr);
    guard.stdin.write('again\n');
    await isBack;
  };
  return { url: `postgres:///postgres?host=${dir}&user=postgres`, restart, stop };
}

/** The server refuses to run as root. */
function unprivilegedAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string, user: string) =>
    Number(execFileSync('id', [flag, user], { stdio: 'pipe' }).toString());
  try {
    return { uid: id('-u', 'postgres'), gid: id('-g', 'postgres') };
  } catch {
    return { uid: id('-u', 'nobody'), gid: id('-g', 'nobody') };
  }
}

function ready(log: Readable): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  const fail = () => reject(new Error(`PostgreSQL did not start:\n${said}`));
  const look = (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('ready to accept connections')) resolve();
    // It also refuses, and ends, the connections of clients by this word.
    else if (/FATAL: {2}(?!the database system|terminating)/.test(said)) fail();
  };
  // Whatever it says later must still be read: a full pipe would stop it.
  log.on('data', look).once('close', fail);
  const done = () => log.off('data', look).off('close', fail).resume();
  return promise.finally(done);
}

export interface TestDatabase {
  url: string;
  drop: () => Promise<void>;
}

/** An empty database of its own on the server at `serverUrl`. */
export async function createTestDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `waymark_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await runOn(serverUrl, `create database ${name}`);
  return { url: url.href, drop: () => runOn(serverUrl, `drop database ${name} with (force)`) };
}

export async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
