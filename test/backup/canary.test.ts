import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asked, ask } from '../support/app.ts';
import { backUp } from '../support/backup.ts';
import { temporaryFolder } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';

const CANARY = 'canary-7c1f4e9a2b';
const PASSPHRASE = `${CANARY}-passphrase`;

let service: TestService;
let tools: OrgApi;
let folder: string;
/** What nobody may read in a log or in a copy, by what it is. */
const secrets: Record<string, string> = {};

const site = <T>(path: string, asked: Asked): Promise<T> =>
  ask<{ data: T }>(`${service.url}/api/v1${path}`, {
    token: service.admin,
    headers: { 'x-waymark-org': tools.org, ...asked.headers },
    ...asked,
  }).then(({ body, status, text }) => {
    expect(status, text).toBeLessThan(300);
    return body.data;
  });

beforeAll(async () => {
  folder = await temporaryFolder('waymark-canary-');
  service = await openService();
  tools = await openOrg(service);
  const value = `${CANARY}-secret`;
  await site('/secrets/upstream-password', { method: 'PUT', body: { value } });
  const password = `${CANARY}-password`;
  const headers = { 'x-waymark-org': '*', 'idempotency-key': 'one', 'x-unknown': CANARY };
  const person = { username: 'ada', displayName: 'Ada', password };
  await site('/users', { headers, body: person });
  const selector = { channel: 'rolling' };
  const feed = await site<Record<string, string>>('/feed-tokens', {
    body: { name: 'reader', selector },
  });
  const editor = await tools.keyOf({ role: 'editor', user: 'ada' });
  const client = await tools.enrol(editor);
  await ask(`${service.url}/api/v1/session`, {
    headers: { cookie: `waymark=${CANARY}`, 'x-management-key': CANARY },
    body: { username: 'ada', password: `${CANARY}-wrong` },
  });
  await ask(`${service.url}/api/v1/orgs?token=${CANARY}`, { token: CANARY });
  Object.assign(secrets, {
    canary: CANARY,
    'an API key': editor.split('_').slice(2).join('_'),
    "the administrator's key": service.admin.split('_').slice(2).join('_'),
    "a client's token": client.token.slice('wmc_'.length),
    "a feed's token": feed['token'],
    'the master key': (await readFile(join(service.dataDir, 'master-key'), 'utf8')).trim(),
  });
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await tools.close();
  await service.close();
  await rm(folder, { recursive: true });
});

const found = (text: string): string[] =>
  Object.entries(secrets).flatMap(([what, secret]) => (text.includes(secret) ? [what] : []));

describe('a secret', () => {
  it('is something that would be found', () => {
    for (const [what, secret] of Object.entries(secrets)) {
      expect(secret?.length, what).toBeGreaterThan(10);
    }
  });

  it.each(['tools', '*'])('never shows in the audit log of %s', async (org) => {
    const { text, status } = await ask(`${service.url}/api/v1/audit?format=ndjson`, {
      token: service.admin,
      headers: { 'x-waymark-org': org },
    });

    expect(status).toBe(200);
    expect(text.split('\n').length).toBeGreaterThan(1);
    expect(found(text)).toEqual([]);
  });

  it.each([undefined, PASSPHRASE])(
    'never shows in a backup (passphrase %s)',
    async (passphrase) => {
      const file = join(folder, 'site.tar.gz');
      const files = await backUp(service, file, passphrase);
      const tar = gunzipSync(await readFile(file));

      expect(files.size).toBeGreaterThan(10);
      expect(files.get('database/secret.ndjson')!.toString()).toContain('upstream-password');
      // Also within the bytes of a key, however they are written.
      const key = Buffer.from(secrets['the master key']!, 'base64');
      const forms = [key.toString('latin1'), key.toString('hex'), key.toString('base64url')];
      const text = tar.toString('latin1');
      expect(found(text)).toEqual([]);
      expect(forms.filter((form) => text.includes(form))).toEqual([]);
      expect(text).not.toContain('-----BEGIN PGP PRIVATE KEY');
    },
  );
});
