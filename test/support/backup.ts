import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { expect } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { restoreSite } from '../../src/service/restore.ts';
import type { TestService } from './service.ts';

/** A backup of the service, by one of its administrators, and what is in it by name. */
export async function backUp(
  { url, admin }: Pick<TestService, 'url' | 'admin'>,
  file: string,
  passphrase?: string,
): Promise<Map<string, Buffer>> {
  const posted = { method: 'POST', body: JSON.stringify({ passphrase }) };
  const answer = await fetch(`${url}/api/v1/backup`, {
    ...(passphrase === undefined ? {} : posted),
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
  });
  const body = Buffer.from(await answer.arrayBuffer());
  expect(answer.status, answer.status === 200 ? '' : body.toString()).toBe(200);
  await writeFile(file, body);
  return filesIn(body);
}

export async function filesIn(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const tar = Readable.from([gunzipSync(archive)]).pipe(extract() as never) as never;
  for await (const entry of tar as AsyncIterable<
    AsyncIterable<Buffer> & { header: { name: string } }
  >) {
    files.set(entry.header.name, await buffer(entry));
  }
  return files;
}

/** What somebody without the master key can make of it. */
export async function repack(
  files: ReadonlyMap<string, Buffer> | readonly (readonly [string, Buffer])[],
): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of files) tar.entry({ name }, content);
  tar.finalize();
  return gzipSync(await buffer(tar as unknown as Readable));
}

/** As `waymark restore` does, into `dataDir`. */
export function restore(
  file: string,
  dataDir: string,
  settings: Record<string, string> = {},
  passphraseFile?: string,
) {
  const config = readConfig({ WAYMARK_DATA_DIR: dataDir, ...settings });
  return restoreSite(config, { file, passphraseFile }, Date.now);
}

/** The master key of a service's data directory, as a setting. */
export const masterKeyOf = async (dataDir: string): Promise<Record<string, string>> => ({
  WAYMARK_MASTER_KEY: (await readFile(join(dataDir, 'master-key'), 'utf8')).trim(),
});

export const otherMasterKey = (): Record<string, string> => ({
  WAYMARK_MASTER_KEY: randomBytes(32).toString('base64'),
});

export async function newFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path);
  return path;
}
