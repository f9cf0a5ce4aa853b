import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { openService, type TestService } from '../support/service.ts';

const MAIN = 'refs/heads/main';
const WITHIN = { timeout: 30_000 };
const SAID = '1 repositories are damaged and take nothing';

/** Fault 14 of docs/spec/reliability.md, past the moment: what the upkeep makes of it. */
describe('a hosted repository of which an object is lost', () => {
  let dataDir: string;
  let repo: string;
  let service: TestService;
  /** Where the object is, and where it should be. */
  let aside: string;
  let place: string;

  beforeEach(async () => {
    dataDir = await temporaryFolder('waymark-quarantine-');
    repo = repositoryPath(dataDir, 'acme');
    service = await open();
    await propose();
    await service.close();
    const tree = await runGit(repo, ['rev-parse', `${MAIN}^{tree}`]);
    const head = await runGit(repo, ['commit-tree', tree, '-p', MAIN, '-m', 'Unseen']);
    await runGit(repo, ['update-ref', MAIN, head]);
    place = join(repo, 'objects', head.slice(0, 2), head.slice(2));
    aside = join(dataDir, 'lost');
    await rename(place, aside);
    service = await open();
  });
  afterEach(async () => {
    await service.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const open = () => openService(dataDir, { WAYMARK_EXAMPLE_ORG: 'acme' });
  const ask = async (path: string) => {
    const headers = { authorization: `Bearer ${service.admin}`, 'x-waymark-org': 'acme' };
    return await fetch(`${service.url}${path}`, { headers });
  };
  const propose = async () => {
    const base = await runGit(repo, ['rev-parse', MAIN]);
    const operations = [{ op: 'upsert', path: 'docs/draft.md', content: 'Draft' }];
    const answer = await fetch(`${service.url}/api/v1/change-requests`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${service.admin}`,
        'x-waymark-org': 'acme',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ title: 'Draft', base, operations }),
    });
    expect(answer.status).toBe(201);
  };
  const degraded = async () =>
    ((await (await ask('/readyz')).json()) as { degraded: string[] }).degraded;
  const org = async () =>
    ((await (await ask('/api/v1/orgs/acme')).json()) as { data: { damagedSince: string | null } })
      .data;
  const push = async () => {
    const remote = `${service.url.replace('://', `://x:${service.admin}@`)}/git/acme.git`;
    await runGit(repo, ['push', '-q', remote, 'refs/tags/sales--v1.0.0^{commit}:refs/heads/draft']);
  };

  it('is found at the start, served on, and written to again once it is mended', async () => {
    await expect.poll(degraded, WITHIN).toContain(SAID);

    expect((await org()).damagedSince).toMatch(/^20\d\d-.*Z$/);
    await expect(push()).rejects.toThrow('503');
    expect((await ask('/v1/orgs/acme/delivery/plugins/sales/manifest')).status).toBe(200);

    const diff = await ask('/api/v1/change-requests/1/diff');
    expect([diff.status, diff.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await diff.json()).toMatchObject({ error: { code: 'REG_CORRUPT' } });

    await rename(aside, place);
    const later = async () => {
      service.advance(10 * 60_000);
      await service.jobs.reconcile();
      return await degraded();
    };
    await expect.poll(later, WITHIN).not.toContain(SAID);

    expect((await org()).damagedSince).toBeNull();
    expect((await ask('/api/v1/change-requests/1/diff')).status).toBe(200);
    await push();
    const log = await (await ask('/api/v1/audit?pageSize=100')).text();
    expect(log).toContain('registry.quarantine');
    expect(log).toContain('registry.recover');
  });
});
