import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { sha256Hex } from '../../src/model/digest.ts';
import { openSealed } from '../../src/signing/open.ts';
import { generateClientKey } from '../../src/signing/recipient.ts';
import { runGit } from '../support/git.ts';
import { isFull, type Site } from './site.ts';

export const KINDS = ['plain', 'sealed'] as const;
export type Kind = (typeof KINDS)[number];

/** More than one block of a stored bundle: damage in the last is found when much is sent already. */
const NOISE_BYTES = isFull ? 4 * 1024 * 1024 : 1024 * 1024;
const NOISE = 'skills/account-brief/assets/noise.txt';

/** Someone who downloads the plugin `sales`, as it is and encrypted. */
export interface Downloader {
  /** Pushes content that nobody has downloaded yet. */
  renew(): Promise<void>;
  /** All of the answer, or of its range. Rejects for one that is cut off or no success. */
  fetch(kind: Kind, headers?: Record<string, string>): Promise<{ etag: string; bytes: Buffer }>;
  ask(kind: Kind, headers?: Record<string, string>): Promise<Response>;
  /** The digests of the plugin's files inside, by path; rejects for anything that is not signed by the org. */
  open(kind: Kind, bytes: Buffer): Promise<Record<string, string>>;
  /** The same files as they were pushed. */
  pushed(): Promise<Record<string, string>>;
}

export async function makeDownloader(site: Site): Promise<Downloader> {
  const tree = await site.clone();
  const key = await generateClientKey('laptop');
  const body = { name: 'laptop', channel: 'rolling', publicKey: key.publicArmored };
  const { token } = (await (await site.ask('clients', { body })).json()) as { token: string };
  const releaseKey = await (await site.ask('keys')).text();
  const folder = join(tree, 'plugins/sales');

  const downloader: Downloader = {
    async renew() {
      // Hexadecimal, so that it deflates to half and no further.
      const { stdout } = await run('openssl', ['rand', '-hex', String(NOISE_BYTES / 2)]);
      await writeFile(join(folder, NOISE), stdout);
      await runGit(tree, ['add', '-A']);
      await runGit(tree, ['commit', '-qm', 'Renew']);
      await runGit(tree, ['push', '-q', site.gitUrl(), 'HEAD:main']);
    },
    ask: (kind, headers = {}) =>
      site.ask('plugins/sales/download?channel=rolling', {
        headers,
        ...(kind === 'sealed' ? { token } : {}),
      }),
    async fetch(kind, headers) {
      const answer = await downloader.ask(kind, headers);
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (!answer.ok) throw new Error(`${answer.status} ${bytes.toString()}`);
      return { etag: answer.headers.get('etag')!, bytes };
    },
    open: (kind, bytes) =>
      inFolder(async (dir) => {
        const archive = join(dir, 'archive');
        if (kind === 'plain') await writeFile(archive, bytes);
        else {
          await openSealed({
            source: Readable.from([bytes]),
            privateKeyArmored: key.privateArmored,
            pinnedKeys: [releaseKey],
            destination: archive,
            limitBytes: 2 * NOISE_BYTES,
          });
        }
        await run('tar', ['-xzf', archive, '-C', dir]);
        await rm(archive);
        return digestsIn(dir);
      }),
    pushed: () => digestsIn(folder),
  };
  await downloader.renew();
  return downloader;
}

const execute = promisify(execFile);
const run = (command: string, args: string[]) =>
  execute(command, args, { maxBuffer: 4 * NOISE_BYTES });

async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'waymark-bundle-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** A plugin's own files; `{}` for no folder. */
export async function digestsIn(dir: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const path of await readdir(dir, { recursive: true }).catch(() => [])) {
    const isOwn = !/^(objects|\.waymark)(\/|$)/.test(path);
    if (!isOwn || (await stat(join(dir, path))).isDirectory()) continue;
    digests[path] = sha256Hex(await readFile(join(dir, path)));
  }
  return digests;
}
