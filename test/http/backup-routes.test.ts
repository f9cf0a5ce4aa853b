import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { ask, type Refused } from '../support/app.ts';
import { backUp } from '../support/backup.ts';
import { temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';

let folder: string;
let service: TestService;
let tools: OrgApi;

beforeAll(async () => {
  folder = await temporaryFolder('waymark-backup-');
  service = await openService();
  tools = await openOrg(service);
});

afterAll(async () => {
  await tools.close();
  await service.close();
  await rm(folder, { recursive: true });
});

const path = () => `${service.url}/api/v1/backup`;
const take = (passphrase?: string) => backUp(service, join(folder, 'site.tar.gz'), passphrase);
const linesIn = (files: ReadonlyMap<string, Buffer>, name: string): Record<string, unknown>[] =>
  files
    .get(name)!
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const spools = async () =>
  (await readdir(service.dataDir)).filter((name) => name.startsWith('.backup-'));

describe('GET /api/v1/backup', () => {
  it('starts with its manifest and the seal over it, and has what the manifest says', async () => {
    const files = await take();

    const [manifest, seal, ...rest] = files.keys();
    expect([manifest, seal]).toEqual(['manifest.json', 'manifest.seal']);
    const stated = JSON.parse(files.get('manifest.json')!.toString());
    expect(stated).toMatchObject({
      format: 1,
      schema: expect.stringMatching(/^\d{4}-/),
      repositories: { tools: { 'refs/heads/main': expect.stringMatching(/^[0-9a-f]{40}$/) } },
    });
    expect(stated.files.map((file: { path: string }) => file.path)).toEqual(rest);
    expect(rest).not.toContain('master-key.json');
  });

  it('has who took it in its own audit log', async () => {
    const log = linesIn(await take(), 'database/audit.ndjson').filter(
      (row) => row['tenant'] === '*',
    );

    expect(log.at(-1)).toMatchObject({
      action: 'site.backup',
      actor: expect.stringMatching(/^key:/),
      requestId: expect.any(String),
      after: '{"withMasterKey":false}',
    });
  });

  it('leaves out sessions, sealed bundles, and whatever is made anew', async () => {
    const files = await take();

    const tables = [...files.keys()].filter((name) => name.startsWith('database/'));
    expect(tables).toContain('database/org.ndjson');
    for (const table of ['session', 'lockout', 'keptAnswer', 'sealedBody', 'sealedPacket']) {
      expect(tables).not.toContain(`database/${table}.ndjson`);
    }
  });

  it('names itself, and is kept by no cache', async () => {
    const answer = await fetch(path(), { headers: { authorization: `Bearer ${service.admin}` } });
    await answer.arrayBuffer();

    expect(answer.headers.get('content-type')).toBe('application/gzip');
    expect(answer.headers.get('content-disposition')).toMatch(/waymark-\d{4}-\d\d-\d\d\.tar\.gz/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('leaves nothing behind on the server', async () => {
    await take();

    // The answer ends first.
    await expect.poll(spools).toEqual([]);
  });

  it('is 503 and no half archive where a repository cannot be read', async () => {
    const repo = repositoryPath(service.dataDir, tools.org);
    await rename(join(repo, 'objects'), join(repo, 'objects.gone'));

    const answer = await ask<Refused>(path(), { token: service.admin });

    await rename(join(repo, 'objects.gone'), join(repo, 'objects'));
    expect([answer.status, answer.body.error.code]).toEqual([503, 'REG_CORRUPT']);
    expect(answer.body.error.message).toContain('repository of tools');
    expect(await spools()).toEqual([]);
  });

  it('is for the administrators of the site alone', async () => {
    const owner = await tools.keyOf({ role: 'owner' });

    const answer = await ask<Refused>(path(), { token: owner });

    expect([answer.status, answer.body.error.code]).toEqual([403, 'PERM_DENIED']);
  });
});

describe('POST /api/v1/backup', () => {
  it('has the master key, sealed by the passphrase', async () => {
    const files = await take('correct horse battery staple');

    const sealed = JSON.parse(files.get('master-key.json')!.toString());
    expect(sealed).toEqual({
      kdf: 'scrypt',
      salt: expect.any(String),
      sealed: expect.any(String),
    });
  });

  it.each([{}, { passphrase: 'too short' }, { passphrase: 12 }])(
    'is refused with %j',
    async (body) => {
      const answer = await ask<Refused>(path(), { token: service.admin, body });

      expect([answer.status, answer.body.error.code]).toEqual([400, 'VAL_FAILED']);
    },
  );
});

describe('a server that was killed during a backup', () => {
  it('removes at its next start what that left', async () => {
    const dataDir = join(folder, 'killed');
    await mkdir(join(dataDir, '.backup-abc123/database'), { recursive: true });

    const started = await openService(dataDir);

    expect((await readdir(dataDir)).filter((name) => name.startsWith('.backup-'))).toEqual([]);
    await started.close();
  });
});
