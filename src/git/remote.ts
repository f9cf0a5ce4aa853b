import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ZERO_OID } from '../model/names.ts';
import { spawnGit, stopGroup } from './child.ts';
import { RemoteError, remoteFault } from './remote-error.ts';
import { GitError } from './run.ts';
import { countWriter } from './writers.ts';

/** A repository elsewhere, its address resolved and checked before git hears of it. */
export interface Remote {
  /** `https://host/path`, `http://…` or `ssh://user@host/path`; never with a password. */
  url: string;
  /** As in the URL. */
  host: string;
  port: number;
  /** Git connects to these and asks no resolver. */
  addresses: readonly string[];
  credential?: RemoteCredential;
}

export type RemoteCredential =
  | { kind: 'password'; username: string; password: string }
  | { kind: 'ssh-key'; privateKey: string; knownHosts: string };

/** Where git runs, for whom. */
export interface RemoteWork {
  repo: string;
  /** A folder for its owner alone, emptied at every start: private keys lie here while ssh runs. */
  scratchDir: string;
  signal: AbortSignal;
}

/** One ref to bring: the object that was listed, and what is to hold it here. */
export interface WantedRef {
  oid: string;
  ref: string;
  /** Also when that is no fast-forward. */
  isForced: boolean;
}

const LIST_TIMEOUT_SEC = 60;
const FETCH_TIMEOUT_SEC = 600;
const LIST_LIMIT_BYTES = 16 * 1024 * 1024;
const MIB = 1024 * 1024;
const LIMITS = { addressSpaceBytes: 1024 * MIB, cpuSec: 300, fileSizeBytes: 2048 * MIB };

/**
 * What the remote has under the patterns: full name → oid, of the tag object for
 * an annotated tag.
 *
 * @throws {RemoteError}
 */
export async function listRemote(
  remote: Remote,
  patterns: readonly string[],
  work: RemoteWork,
): Promise<Map<string, string>> {
  const args = ['ls-remote', '--refs', remote.url, ...patterns];
  const text = await talk(remote, args, work, { timeoutSec: LIST_TIMEOUT_SEC });
  const lines = text.split('\n').filter(Boolean);
  return new Map(lines.map((line) => line.split('\t')).map(([oid = '', ref = '']) => [ref, oid]));
}

/**
 * Brings the refs, all or none of them. By oid, so that a remote that moves
 * meanwhile gives what was listed or fails.
 *
 * @throws {RemoteError} also for a branch that went elsewhere and is not forced: its objects are here then
 */
export async function fetchRefs(
  remote: Remote,
  refs: readonly WantedRef[],
  work: RemoteWork,
): Promise<void> {
  const options = ['--atomic', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules'];
  const args = ['fetch', '--quiet', '--no-auto-maintenance', ...options, '--stdin', remote.url];
  const lines = refs.map(({ oid, ref, isForced }) => `${isForced ? '+' : ''}${oid}:${ref}\n`);
  const discount = countWriter(work.repo);
  try {
    await talk(remote, args, work, { timeoutSec: FETCH_TIMEOUT_SEC, input: lines.join('') });
  } finally {
    discount();
  }
}

/**
 * Makes refs there of what is here. One that is there already is forwarded or
 * refused, never rewritten; with the zero oid it is removed. The others go all the same.
 *
 * @throws {RemoteError} `push-refused` among others
 */
export async function pushRefs(
  remote: Remote,
  refs: readonly { oid: string; ref: string }[],
  work: RemoteWork,
  timeoutSec = FETCH_TIMEOUT_SEC,
): Promise<void> {
  const specs = refs.map(({ oid, ref }) => `${oid === ZERO_OID ? '' : oid}:${ref}`);
  const options = ['--no-verify', '--no-signed', '--no-recurse-submodules'];
  await talk(remote, ['push', '--quiet', ...options, remote.url, ...specs], work, { timeoutSec });
}

interface Turn {
  timeoutSec: number;
  input?: string;
}

async function talk(
  remote: Remote,
  args: readonly string[],
  work: RemoteWork,
  turn: Turn,
): Promise<string> {
  const scratch = join(work.scratchDir, randomUUID());
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  try {
    const env = await environment(remote, scratch);
    return await run([...settingsFor(remote), ...args], env, work, turn);
  } catch (error) {
    throw error instanceof GitError ? remoteFault(error) : error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Secrets are in the environment alone: arguments are for every process of the machine to read. */
function settingsFor({ url, host, port, addresses, credential }: Remote): string[] {
  const isPassword = credential?.kind === 'password';
  const settings = {
    'http.followRedirects': 'false',
    'http.proxy': '',
    'http.lowSpeedLimit': '1000',
    'http.lowSpeedTime': '30',
    'fetch.fsckObjects': 'true',
    // As in receive-pack.ts: what inflates without end is refused by the limit on memory.
    'core.bigFileThreshold': '64g',
    ...(url.startsWith('http') ? { 'http.curloptResolve': pin(host, port, addresses) } : {}),
    'credential.helper': isPassword ? HELPER : '',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

const HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$WAYMARK_USERNAME" "$WAYMARK_PASSWORD"; }; f';

function pin(host: string, port: number, addresses: readonly string[]): string {
  const listed = addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
  return `${host}:${port}:${listed.join(',')}`;
}

async function environment(remote: Remote, scratch: string): Promise<Record<string, string>> {
  const { url, credential } = remote;
  const only = { GIT_ALLOW_PROTOCOL: new URL(url).protocol.slice(0, -1) };
  if (credential?.kind === 'password') {
    const { username, password } = credential;
    return { ...only, WAYMARK_USERNAME: username, WAYMARK_PASSWORD: password };
  }
  if (!url.startsWith('ssh:')) return only;
  // Else ssh would go by the account's own keys and settings, to an address that nobody checked.
  if (credential?.kind !== 'ssh-key') {
    throw new RemoteError('credentials-refused', 'the upstream: ssh needs a private key');
  }
  const config = await writeSshFiles(remote, credential, scratch);
  const command = `ssh -F '${config.replaceAll("'", "'\\''")}'`;
  return { ...only, GIT_SSH_COMMAND: command, GIT_SSH_VARIANT: 'ssh' };
}

/** One host, one key, one way in: nothing of the account that the server runs as is used. */
async function writeSshFiles(
  { host, port, addresses }: Remote,
  { privateKey, knownHosts }: { privateKey: string; knownHosts: string },
  scratch: string,
): Promise<string> {
  const file = (name: string) => join(scratch, name);
  // Addresses of version 4 first: not every machine has a way to the others.
  const address = addresses.find((one) => !one.includes(':')) ?? addresses[0];
  const settings = {
    HostName: address,
    // As in a `known_hosts` file, though it is the address that is connected to.
    HostKeyAlias: port === 22 ? host : `[${host}]:${port}`,
    IdentityFile: `"${file('key')}"`,
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    UserKnownHostsFile: `"${file('known_hosts')}"`,
    GlobalKnownHostsFile: '/dev/null',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    BatchMode: 'yes',
    PreferredAuthentications: 'publickey',
    ClearAllForwardings: 'yes',
    PermitLocalCommand: 'no',
    ConnectTimeout: '10',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '3',
    LogLevel: 'ERROR',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  const ended = (text: string) => (text.endsWith('\n') ? text : `${text}\n`);
  const write = (name: string, text: string) => writeFile(file(name), text, { mode: 0o600 });
  await write('config', `Host *\n${lines.join('')}`);
  await write('key', ended(privateKey));
  await write('known_hosts', ended(knownHosts));
  return file('config');
}

const STDERR_LIMIT = 16 * 1024;

/** Git and all that it starts are one group: a helper that outlived it would hold the repository. */
function run(
  args: readonly string[],
  env: Record<string, string>,
  { repo, signal }: RemoteWork,
  { timeoutSec, input = '' }: Turn,
): Promise<string> {
  const command = args.find((arg) => ['fetch', 'ls-remote', 'push'].includes(arg)) ?? 'git';
  const child = spawnGit([`--git-dir=${repo}`, ...args], {
    env,
    limits: LIMITS,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  let stderr = '';
  let fault: RemoteError | undefined;
  const giveUp = (error: RemoteError) => {
    fault ??= error;
    stopGroup(child);
  };
  const onAbort = () => giveUp(new RemoteError('stopped', 'the server is stopping'));
  const onTimeout = () => giveUp(new RemoteError('timed-out', 'the upstream took too long'));
  const timer = setTimeout(onTimeout, timeoutSec * 1000);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });

  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (output.length > LIST_LIMIT_BYTES)
      giveUp(new RemoteError('too-large', 'it has too many refs'));
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (stderr.length < STDERR_LIMIT) stderr += chunk;
  });
  child.stdin?.on('error', () => {}).end(input);
  const end = (exitCode: number | null, by: string | null, cause?: Error) => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    if (fault) reject(fault);
    else if (exitCode === 0) resolve(output);
    else {
      const said = withoutPassword(stderr, env);
      reject(new GitError(command, { exitCode, signal: by, stderr: said }, { cause }));
    }
  };
  child.once('error', (error) => end(null, null, error));
  child.once('close', (exitCode, by) => end(exitCode, by));
  return promise;
}

/** The upstream's own words are in it, and a proxy may show the headers that it was sent. */
function withoutPassword(said: string, env: Readonly<Record<string, string>>): string {
  const { WAYMARK_USERNAME: username, WAYMARK_PASSWORD: password } = env;
  if (!password) return said;
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  return said.replaceAll(basic, '[password]').replaceAll(password, '[password]');
}
