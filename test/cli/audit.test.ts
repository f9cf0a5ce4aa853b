import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ChainedEntry, chainEntry } from '../../src/model/audit-chain.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import type { Checkpoint } from '../../src/signing/checkpoint.ts';
import { ask } from '../support/app.ts';
import { type CliRun, makeClient, type TestClient } from '../support/client.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { tamper } from '../support/tamper.ts';

let service: TestService;
let tools: OrgApi;
let auditor: TestClient;
let rootSha256: string;
let orgs = 0;

beforeAll(async () => {
  service = await openService();
});

// Logs are tampered with, so each test has an org of its own.
beforeEach(async () => {
  orgs += 1;
  tools = await openOrg(service, { org: `tools-${orgs}` });
  auditor = await makeClient({
    WAYMARK_URL: service.url,
    WAYMARK_ORG: tools.org,
    WAYMARK_TOKEN: await tools.keyOf({ role: 'auditor' }),
  });
  Object.defineProperty(auditor, 'nowMs', { get: Date.now });
  rootSha256 = sha256Hex((await tools.get('/root')).text);
  return async () => {
    await auditor.remove();
    await tools.close();
  };
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await service.close();
});

async function succeed(...argv: string[]): Promise<CliRun> {
  const run = await auditor.run('audit', ...argv);
  expect(run.exitCode, run.stderr).toBe(0);
  return run;
}

/** A checkpoint of now, in a file. */
async function keep(file = 'kept.json'): Promise<Checkpoint> {
  await succeed('checkpoint', '--out', file);
  return JSON.parse(await auditor.read(file)) as Checkpoint;
}

const pinned = () => ['--checkpoint', 'kept.json', '--root-sha256', rootSha256];

/** What a server that lies about one org's log would have in its database. */
const rewrite = (sql: string, ...values: (string | number)[]) =>
  tamper(service.dataDir, sql, ...values, tools.org);

async function refusal(...argv: string[]): Promise<[number, string]> {
  const { exitCode, stderr } = await auditor.run('audit', ...argv);
  return [exitCode, stderr.replace(/^warning: .*\n/gm, '').trim()];
}

describe('waymark audit verify', () => {
  it('finds the log of the server whole, up to a checkpoint that was kept', async () => {
    const { keyId, sequence } = await keep();

    const { stdout, stderr } = await succeed('verify', ...pinned());

    expect(stdout).toMatch(/^\d+ entries, none changed\n/);
    expect(stdout).toContain(`checkpoint ${sequence} of `);
    expect(stdout).toContain(keyId);
    expect(stderr).toBe('');
  });

  it('takes the newest checkpoint of the server where none was kept, and says what that is worth', async () => {
    await keep();

    const { stdout, stderr } = await succeed('verify');

    expect(stdout).toContain('checkpoint ');
    expect(stderr).toContain('the server says itself which keys count');
  });

  it('says what it cannot know without a checkpoint', async () => {
    const { stderr } = await succeed('verify');

    expect(stderr).toContain('nothing shows that the end was cut off');
  });

  it('names the entry that was altered', async () => {
    rewrite("update audit set actor = 'user:eve' where sequence = 3 and tenant = ?");

    expect(await refusal('verify')).toEqual([
      4,
      'waymark: AUDIT_BROKEN: the audit log does not hold from entry 3 on',
    ]);
  });

  it('names what was deleted', async () => {
    rewrite('delete from audit where sequence in (2, 3) and tenant = ?');

    expect(await refusal('verify')).toEqual([
      4,
      'waymark: AUDIT_BROKEN: the audit log does not hold from entry 4 on; missing: 2–3',
    ]);
  });

  it('misses an end that was cut off, by a checkpoint that was kept', async () => {
    const { sequence } = await keep();
    rewrite('delete from audit where sequence >= ? and tenant = ?', sequence);
    rewrite('delete from audit_checkpoint where tenant = ?');

    expect((await auditor.run('audit', 'verify')).exitCode).toBe(0);
    const [exitCode, said] = await refusal('verify', ...pinned());

    expect(exitCode).toBe(4);
    expect(said).toContain(`from entry ${sequence} on; missing: ${sequence}`);
  });

  it('refuses a log that was written anew with hashes that fit', async () => {
    const { sequence } = await keep();
    await succeed('export', '--out', 'log.ndjson');
    const forged: ChainedEntry[] = [];
    for (const line of (await auditor.read('log.ndjson')).trim().split('\n')) {
      const { sequence: _s, hash: _h, previousHash: _p, ...entry } = JSON.parse(line);
      forged.push(chainEntry(forged.at(-1), { ...entry, actor: 'user:nobody' }));
    }
    await auditor.write('forged.ndjson', forged.map((one) => JSON.stringify(one)).join('\n'));

    expect((await auditor.run('audit', 'verify', '--file', 'forged.ndjson')).exitCode).toBe(0);
    expect(await refusal('verify', '--file', 'forged.ndjson', ...pinned())).toEqual([
      4,
      `waymark: AUDIT_BROKEN: the audit log does not hold from entry ${sequence} on`,
    ]);
  });

  it.each([
    ['sequence', 2],
    ['hash', 'ab'.repeat(32)],
    ['at', '2020-01-01T00:00:00.000Z'],
  ])('refuses a checkpoint whose %s was changed', async (field, value) => {
    const kept = await keep();
    await auditor.write('kept.json', JSON.stringify({ ...kept, [field]: value }));

    const [exitCode, said] = await refusal('verify', ...pinned());

    expect(exitCode).toBe(4);
    expect(said).toContain('SIGNATURE_INVALID: checkpoint: none of the');
  });

  it('refuses a checkpoint that another org signed', async () => {
    const other = await openOrg(service, { org: `${tools.org}-other` });
    const made = await other.post<Checkpoint>('/audit/checkpoints', {});
    await auditor.write('kept.json', JSON.stringify({ ...made, tenant: tools.org }));
    await other.close();

    const [exitCode, said] = await refusal('verify', ...pinned());

    expect([exitCode, said]).toEqual([4, expect.stringContaining('SIGNATURE_INVALID')]);
  });

  it('refuses another root than the one that is pinned', async () => {
    await keep();

    const [exitCode, said] = await refusal(
      'verify',
      '--checkpoint',
      'kept.json',
      '--root-sha256',
      'ab'.repeat(32),
    );

    expect([exitCode, said]).toEqual([4, expect.stringContaining('ROOT_MISMATCH')]);
  });

  it('still knows a checkpoint after the index key was replaced', async () => {
    await keep();
    const owner = await tools.keyOf({ role: 'owner' });
    const body = { roles: ['index'] };
    const rotated = await ask(`${service.url}/api/v1/keys/rotate`, { token: owner, body });
    expect(rotated.status).toBe(201);

    await succeed('verify', ...pinned());
    await keep('newer.json');
    await succeed('verify', '--checkpoint', 'newer.json', '--root-sha256', rootSha256);
  });

  it('checks an export without a server', async () => {
    await succeed('export', '--out', 'log.ndjson');
    auditor.env = { HOME: auditor.dir };

    await succeed('verify', '--file', 'log.ndjson');
  });

  it('refuses an export that ends within an entry', async () => {
    await succeed('export', '--out', 'log.ndjson');
    const whole = await readFile(auditor.path('log.ndjson'));
    await writeFile(auditor.path('log.ndjson'), whole.subarray(0, -20));

    const [exitCode, said] = await refusal('verify', '--file', 'log.ndjson');

    expect([exitCode, said]).toEqual([4, expect.stringContaining('DOCUMENT_INVALID: line')]);
  });

  it('refuses a line that never ends', async () => {
    await auditor.write('log.ndjson', `{"a":"${'x'.repeat(5_000_000)}`);

    const [exitCode, said] = await refusal('verify', '--file', 'log.ndjson');

    expect([exitCode, said]).toEqual([4, expect.stringContaining('DOCUMENT_TOO_LARGE')]);
  });

  it('asks for the checkpoint of the log that it is shown', async () => {
    await keep();

    const flags = ['--checkpoint', 'kept.json', '--org', 'globex'];
    const { exitCode, stderr } = await auditor.run('audit', 'verify', ...flags);

    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`one of ${tools.org}`)]);
  });

  it('answers with JSON', async () => {
    const kept = await keep();

    const run = await succeed('verify', ...pinned(), '--json');

    expect(run.json()).toEqual({ ok: true, entries: expect.any(Number), checkpoint: kept });
  });
});

describe('waymark audit export', () => {
  it('writes the log to standard output', async () => {
    const { stdout } = await succeed('export');

    expect(stdout.split('\n')[0]).toContain('"action":"org.create"');
    expect(stdout.endsWith('\n')).toBe(true);
  });

  it('overwrites nothing', async () => {
    await auditor.write('log.ndjson', 'mine');

    expect((await auditor.run('audit', 'export', '--out', 'log.ndjson')).exitCode).toBe(2);
    expect(await auditor.read('log.ndjson')).toBe('mine');
  });

  it('is refused for who may not read it', async () => {
    auditor.env['WAYMARK_TOKEN'] = await tools.keyOf({ role: 'viewer' });

    const { exitCode, stderr } = await auditor.run('audit', 'export', '--out', 'log.ndjson');

    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('audit:read')]);
    expect(await auditor.files()).toEqual({});
  });
});
