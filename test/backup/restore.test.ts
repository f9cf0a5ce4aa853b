import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { postgresServer } from '../support/backends.ts';
import {
  backUp,
  masterKeyOf,
  newFolder,
  otherMasterKey,
  repack,
  restore,
} from '../support/backup.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { openService, type TestService } from '../support/service.ts';

const PASSPHRASE = 'correct horse battery staple';

let folder: string;
let service: TestService;
let tools: OrgApi;
let archive: string;
let files: Map<string, Buffer>;
let masterKey: Record<string, string>;
let before: Record<string, string>;
let restorings = 0;

beforeAll(async () => {
  folder = await temporaryFolder('waymark-restore-');
  service = await openService();
  tools = await openOrg(service);
  await tools.publish('sales@1.0.0');
  await tools.push({ 'plugins/sales/NEWS.md': 'since the release\n' });
  await openOrg(service, { org: 'bystander' }).then((other) => other.close());
  masterKey = await masterKeyOf(service.dataDir);
  before = await everything(service);
  archive = join(folder, 'site.tar.gz');
  files = await backUp(service, archive);
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await tools.close();
  await service.close();
  await rm(folder, { recursive: true });
});

const textOf = (path: string): string => files.get(path)!.toString();

const newDataDir = () => newFolder(folder, `data-${restorings++}`);

/** What clients get and what they check it with, by path. */
async function everything({ url }: TestService): Promise<Record<string, string>> {
  const paths = [
    'root',
    'plugins/sales/manifest',
    'plugins/sales/releases/1.0.0/manifest',
    'plugins/sales/releases/1.0.0/manifest?layout=claude',
    'plugins/sales/releases/1.0.0/tag',
    'plugins/sales/download?encryption=none',
    'plugins/sales/releases/1.0.0/download?encryption=none',
  ];
  const answers: Record<string, string> = {};
  for (const path of paths) {
    const answer = await fetch(`${url}/v1/orgs/${tools.org}/delivery/${path}`, {
      headers: { authorization: `Bearer ${tools.admin}` },
    });
    expect(answer.status, path).toBe(200);
    const signature = answer.headers.get('x-waymark-signature') ?? '';
    answers[path] = signature + Buffer.from(await answer.arrayBuffer()).toString('base64');
  }
  return answers;
}

async function sequenceOf({ url }: TestService): Promise<number> {
  const answer = await fetch(`${url}/v1/orgs/${tools.org}/delivery/index?channel=stable`, {
    headers: { authorization: `Bearer ${tools.admin}` },
  });
  return ((await answer.json()) as { sequence: number }).sequence;
}

const verify = async ({ url }: TestService): Promise<unknown> => {
  const headers = { authorization: `Bearer ${tools.admin}` };
  const answer = await fetch(`${url}/api/v1/audit/verify`, { headers });
  return ((await answer.json()) as { data: unknown }).data;
};

const refsOf = (dataDir: string) => runGit(repositoryPath(dataDir, tools.org), ['show-ref']);

/** A service over what was restored, for as long as `use` takes. */
async function serving<T>(
  dataDir: string,
  settings: Record<string, string>,
  use: (restored: TestService) => Promise<T>,
): Promise<T> {
  // Nobody but its administrators knows their keys: a backup has none.
  await writeFile(join(dataDir, 'admin-key'), service.admin);
  const restored = await openService(dataDir, settings);
  try {
    const result = await use(restored);
    expect(restored.logged).toEqual([]);
    return result;
  } finally {
    await restored.close();
  }
}

describe('a restored site', () => {
  it('serves the same bytes, under an index that is not lower', async () => {
    const dataDir = await newDataDir();

    await restore(archive, dataDir, masterKey);

    await serving(dataDir, masterKey, async (restored) => {
      expect(await sequenceOf(restored)).toBeGreaterThan(await sequenceOf(service));
      expect(await everything(restored)).toEqual(before);
    });
    expect(await refsOf(dataDir)).toBe(await refsOf(service.dataDir));
  });

  it('goes on: with pushes, releases and an audit log that is whole', async () => {
    const dataDir = await newDataDir();
    await restore(archive, dataDir, masterKey);

    await serving(dataDir, masterKey, async (restored) => {
      const again = { ...tools };
      await again.follow(restored);
      await again.push({ 'plugins/sales/NEWS.md': 'after the restore\n' });
      await again.publish('sales@1.1.0');
      const verified = await verify(restored);
      await again.follow(service);

      expect(verified).toMatchObject({ ok: true, gaps: [] });
    });
  });

  it('has the master key where the backup has it, and needs its passphrase', async () => {
    const dataDir = await newDataDir();
    const whole = join(folder, 'whole.tar.gz');
    await backUp(service, whole, PASSPHRASE);
    const [right, wrong] = [join(folder, 'right'), join(folder, 'wrong')];
    await writeFile(right, `${PASSPHRASE}\n`);
    await writeFile(wrong, 'another passphrase\n');

    for (const passphrase of [undefined, wrong, join(folder, 'missing')]) {
      const untouched = await newDataDir();
      const restoring = restore(whole, untouched, {}, passphrase);
      await expect(restoring).rejects.toMatchObject({ reason: 'usage' });
      expect(await readdir(untouched)).toEqual([]);
    }
    await restore(whole, dataDir, {}, right);

    const key = await readFile(join(dataDir, 'master-key'), 'utf8');
    expect(key.trim()).toBe(masterKey['WAYMARK_MASTER_KEY']);
    await serving(dataDir, {}, async (restored) => {
      expect(await everything(restored)).toEqual(before);
    });
  });

  it('says what was pushed while the backup was made', async () => {
    const dataDir = await newDataDir();
    await restore(archive, dataDir, masterKey);
    const repo = repositoryPath(dataDir, tools.org);
    const head = await runGit(repo, ['rev-parse', 'main']);
    const later = await runGit(repo, ['commit-tree', '-m', 'Later', '-p', head, `${head}^{tree}`]);
    await runGit(repo, ['update-ref', 'refs/heads/main', later]);
    await writeFile(join(dataDir, 'admin-key'), service.admin);

    const restored = await openService(dataDir, masterKey);

    const readiness = await fetch(`${restored.url}/readyz`);
    expect(await readiness.json()).toMatchObject({ status: 'degraded' });
    await restored.close();
  });
});

const server = await postgresServer();

describe.skipIf(server === undefined)('a backup of one kind of database', () => {
  it('restores into the other, and back', async () => {
    const database = await createTestDatabase(server!);
    const settings = { ...masterKey, DATABASE_URL: database.url };
    const [inPostgres, inSqlite] = [await newDataDir(), await newDataDir()];
    const back = join(folder, 'postgres.tar.gz');

    await restore(archive, inPostgres, settings);
    await serving(inPostgres, settings, async (restored) => {
      expect(await everything(restored)).toEqual(before);
      await backUp(restored, back);
    });
    await restore(back, inSqlite, masterKey);

    await serving(inSqlite, masterKey, async (restored) => {
      expect(await everything(restored)).toEqual(before);
    });
    await database.drop();
  });

  it('is refused where the database has tables already', async () => {
    const database = await createTestDatabase(server!);
    const settings = { ...masterKey, DATABASE_URL: database.url };
    await restore(archive, await newDataDir(), settings);
    const dataDir = await newDataDir();

    await expect(restore(archive, dataDir, settings)).rejects.toThrow('has tables already');

    expect(await readdir(dataDir)).toEqual([]);
    await database.drop();
  });
});

describe('what is not restored', () => {
  async function refusal(bytes: Buffer, settings = masterKey): Promise<unknown> {
    const dataDir = await newDataDir();
    const file = join(folder, 'refused.tar.gz');
    await writeFile(file, bytes);
    const restoring = restore(file, dataDir, settings).catch((error: unknown) => error);
    const error = await restoring;
    expect(await readdir(dataDir)).toEqual([]);
    return error;
  }
  const damaged = expect.objectContaining({ name: 'RestoreRefused', reason: 'damaged' });
  const usage = (message: string) =>
    expect.objectContaining({ reason: 'usage', message: expect.stringContaining(message) });

  it('an archive that was cut off, wherever', async () => {
    const bytes = await readFile(archive);

    for (const part of [0, 0.01, 0.3, 0.6, 0.99]) {
      const length = Math.floor(bytes.length * part);
      expect(await refusal(bytes.subarray(0, length)), `${length}`).toEqual(damaged);
    }
    expect(await refusal(bytes.subarray(0, -1))).toEqual(damaged);
  });

  it('an archive of which one byte was flipped, wherever', async () => {
    const bytes = await readFile(archive);

    // Of the ten bytes of gzip's header some say nothing.
    for (let at = 10; at < bytes.length; at += Math.ceil(bytes.length / 20)) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0xff;
      expect(await refusal(flipped), `byte ${at}`).toEqual(damaged);
    }
  });

  it('an archive whose tar was cut off and compressed anew', async () => {
    const tar = gunzipSync(await readFile(archive));

    for (const part of [0.2, 0.5, 0.9]) {
      const cut = gzipSync(tar.subarray(0, Math.floor((tar.length * part) / 512) * 512));
      expect(await refusal(cut)).toEqual(damaged);
    }
  });

  it('an archive of which a file was changed', async () => {
    const keys = Buffer.from(textOf('database/apiKey.ndjson').replaceAll('admin', 'owner'));

    expect(await refusal(await repack(new Map(files).set('database/apiKey.ndjson', keys)))).toEqual(
      damaged,
    );
  });

  it('an archive whose manifest was changed to fit', async () => {
    const path = 'database/apiKey.ndjson';
    const keys = Buffer.from(textOf(path).replaceAll('admin', 'owner'));
    const manifest = JSON.parse(textOf('manifest.json'));
    const entry = manifest.files.find((one: { path: string }) => one.path === path);
    entry.size = keys.length;
    entry.sha256 = createHash('sha256').update(keys).digest('hex');
    const body = Buffer.from(JSON.stringify(manifest));
    const forged = new Map(files).set(path, keys).set('manifest.json', body);

    const error = await refusal(await repack(forged));

    expect(error).toEqual(damaged);
    expect(error).toMatchObject({ message: expect.stringContaining('sealed') });
  });

  it.each(['../escaped', '/etc/escaped', 'database/../../escaped', 'repositories/.git/config'])(
    'an archive with %j in it',
    async (name) => {
      expect(await refusal(await repack([...files, [name, Buffer.from('x')]]))).toEqual(damaged);
    },
  );

  it('an archive with a file twice, or one too many', async () => {
    const org = ['database/org.ndjson', files.get('database/org.ndjson')!] as const;

    expect(await refusal(await repack([...files, org]))).toBeInstanceOf(Error);
    const more = ['database/more.ndjson', Buffer.from('{}\n')] as const;
    expect(await refusal(await repack([...files, more]))).toEqual(damaged);
  });

  it('what is no backup at all', async () => {
    expect(await refusal(Buffer.from('no gzip'))).toEqual(damaged);
    expect(await refusal(await repack([['README.md', Buffer.from('hello')]]))).toEqual(damaged);
    expect(await refusal(await repack([]))).toEqual(damaged);
  });

  it('a backup of another master key', async () => {
    const bytes = await readFile(archive);

    expect(await refusal(bytes, otherMasterKey())).toEqual(usage('another master key'));
    expect(await refusal(bytes, {})).toEqual(usage('does not hold the master key'));
  });

  it('a backup of another format', async () => {
    const manifest = { ...JSON.parse(textOf('manifest.json')), format: 2 };
    const later = new Map(files).set('manifest.json', Buffer.from(JSON.stringify(manifest)));

    expect(await refusal(await repack(later))).toEqual(usage('format'));
  });

  it('anything, into a directory that is not empty', async () => {
    const dataDir = await newDataDir();
    await writeFile(join(dataDir, 'mine'), 'mine');

    await expect(restore(archive, dataDir, masterKey)).rejects.toMatchObject({ reason: 'usage' });

    expect(await readdir(dataDir)).toEqual(['mine']);
  });

  it('a file that is not there', async () => {
    const missing = restore(join(folder, 'missing'), await newDataDir(), masterKey);

    await expect(missing).rejects.toMatchObject({ reason: 'usage' });
  });
});
