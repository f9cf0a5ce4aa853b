import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OrgLifecycle, orgRoutes } from '../../src/http/org-routes.ts';
import type { Org } from '../../src/identity/org.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

let app: TestApp;
let admin: string;
let asked: unknown[];

beforeEach(async () => {
  asked = [];
  app = await serveApp({
    at: '/api/v1',
    rows: ({ orgs, quarantines }, authenticator) =>
      orgRoutes({ orgs, quarantines, authenticator, lifecycle: lifecycleOver(orgs) }),
  });
  admin = await app.keyOf('owner', null);
});

afterEach(() => app.close());

function lifecycleOver(orgs: TestApp['stores']['orgs']): OrgLifecycle {
  return {
    async create(request) {
      asked.push(request);
      const org = makeOrg(request.slug, { name: request.name });
      if (await orgs.insert(org, makeEntry())) return org;
      throw new WaymarkError('RES_DUPLICATE', 'it is there already');
    },
    async change({ slug, name, tier, ifMatch }) {
      asked.push({ slug, name, tier, ifMatch });
      return makeOrg(slug, { name: name ?? 'Acme', tier: tier ?? 'standard', version: 2 });
    },
    async remove({ slug, ifMatch }) {
      asked.push({ slug, ifMatch });
      if (!(await orgs.find(slug))) throw new WaymarkError('RES_NOT_FOUND', 'it is nowhere');
      await orgs.remove(slug, makeEntry());
    },
  };
}

describe('POST /api/v1/orgs', () => {
  it('makes an org, and says where it is', async () => {
    const body = { slug: 'initech', name: 'Initech Ltd', mode: 'hosted', initial: 'empty' };

    const answer = await app.ask<{ data: Org }>('/api/v1/orgs', { token: admin, body });

    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe('/api/v1/orgs/initech');
    expect(answer.body.data).toMatchObject({ slug: 'initech', name: 'Initech Ltd' });
    expect(asked).toMatchObject([{ ...body, actor: expect.stringMatching(/^key:[0-9a-f-]{36}$/) }]);
  });

  it('needs a slug alone', async () => {
    await app.ask('/api/v1/orgs', { token: admin, body: { slug: 'initech' } });

    expect(asked).toMatchObject([{ name: 'initech', mode: 'hosted', initial: 'template' }]);
  });

  it('is 409 for a slug that is taken', async () => {
    const answer = await app.ask('/api/v1/orgs', { token: admin, body: { slug: 'acme' } });

    expect(answer.status).toBe(409);
  });

  it.each([
    [{}, 'slug'],
    [{ slug: 7 }, 'slug'],
    [{ slug: 'a', mode: 'copied' }, 'mode'],
    [{ slug: 'a', initial: 'half' }, 'initial'],
    [{ slug: 'a', uid: 'mine' }, 'uid'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await app.ask<Refused>('/api/v1/orgs', { token: admin, body });

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field }]);
    expect(asked).toEqual([]);
  });
});

describe('GET /api/v1/orgs', () => {
  it('lists the orgs by slug, page by page', async () => {
    const path = '/api/v1/orgs?pageSize=1&page=2';

    const answer = await app.ask(path, { token: admin });

    expect(answer.body).toMatchObject({
      data: [{ slug: 'globex' }],
      meta: { pagination: { page: 2, totalItems: 2, hasNext: false } },
    });
  });

  it('is sorted and filtered as asked', async () => {
    const filter = encodeURIComponent('{"slug":{"$in":["acme","globex"]},"tier":"standard"}');

    const answer = await app.ask(`/api/v1/orgs?sort=-slug&filter=${filter}`, { token: admin });

    expect(answer.body).toMatchObject({ data: [{ slug: 'globex' }, { slug: 'acme' }] });
  });

  it('does not say what its signed documents are bound to by a filter', async () => {
    const filter = encodeURIComponent('{"uid":{"$startsWith":"u"}}');

    const answer = await app.ask<Refused>(`/api/v1/orgs?filter=${filter}`, { token: admin });

    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('VAL_FILTER');
  });
});

describe('PUT /api/v1/orgs/:slug', () => {
  const put = (body: unknown, headers = {}) =>
    app.ask<Refused & { data: Org }>('/api/v1/orgs/acme', {
      method: 'PUT',
      token: admin,
      body,
      headers,
    });

  it('changes what is given, of the version that was read', async () => {
    const answer = await put({ tier: 'premium' }, { 'if-match': '"1"' });

    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({ slug: 'acme', tier: 'premium', version: 2 });
    expect(asked).toEqual([{ slug: 'acme', tier: 'premium', name: undefined, ifMatch: 1 }]);
  });

  it.each([
    [{}, 'body'],
    [{ tier: 'gold' }, 'tier'],
    [{ name: '' }, 'name'],
    [{ slug: 'other' }, 'slug'],
  ])('refuses %j by its field', async (body, field) => {
    const answer = await put(body);

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field }]);
    expect(asked).toEqual([]);
  });
});

describe('GET /api/v1/orgs/:slug', () => {
  it('answers one org', async () => {
    const answer = await app.ask('/api/v1/orgs/acme', { token: admin });

    expect(answer.body).toMatchObject({
      data: { slug: 'acme', mode: 'hosted', damagedSince: null },
    });
  });

  it('says since when its repository is damaged', async () => {
    const { jobs, quarantines } = app.stores;
    const since = '2026-03-01T12:00:00.000Z';
    const order = { org: 'acme', kind: 'check', key: '', payload: null, runAt: since };
    const { id } = await jobs.schedule(order, since);
    const run = await jobs.claim(id, since, since);
    await quarantines.begin({ org: 'acme', since, reason: '/srv/secret/path' }, run!, makeEntry());

    const answer = await app.ask('/api/v1/orgs/acme', { token: admin });

    expect(answer.body).toMatchObject({ data: { damagedSince: since } });
    expect(answer.text).not.toContain('/srv');
  });

  it('is 404 for one that is not there', async () => {
    const answer = await app.ask<Refused>('/api/v1/orgs/nowhere', { token: admin });

    expect(answer.status).toBe(404);
    expect(answer.body.error.message).toBe('there is no organisation nowhere');
  });
});

describe('DELETE /api/v1/orgs/:slug', () => {
  it('ends the org, and its keys at once', async () => {
    const theirs = await app.keyOf('owner', 'acme');
    expect((await app.ask('/api/v1/orgs', { token: theirs })).status).toBe(403);

    const answer = await app.ask('/api/v1/orgs/acme', { method: 'DELETE', token: admin });

    expect(answer.status).toBe(204);
    expect(answer.text).toBe('');
    expect((await app.ask('/api/v1/orgs', { token: theirs })).status).toBe(401);
    expect((await app.ask('/api/v1/orgs/acme', { token: admin })).status).toBe(404);
  });

  it('asks for the version that was read', async () => {
    const headers = { 'if-match': '"3"' };

    await app.ask('/api/v1/orgs/acme', { method: 'DELETE', token: admin, headers });

    expect(asked).toEqual([{ slug: 'acme', ifMatch: 3 }]);
  });

  it('is 404 for one that is not there', async () => {
    const answer = await app.ask('/api/v1/orgs/nowhere', { method: 'DELETE', token: admin });

    expect(answer.status).toBe(404);
  });
});

describe('an org’s own owner', () => {
  it.each([
    ['GET', '/api/v1/orgs'],
    ['GET', '/api/v1/orgs/acme'],
    ['PUT', '/api/v1/orgs/acme'],
    ['DELETE', '/api/v1/orgs/acme'],
    ['POST', '/api/v1/orgs'],
  ])('may not %s %s: orgs are the site’s', async (method, path) => {
    const token = await app.keyOf('owner', 'acme');

    expect((await app.ask(path, { method, token })).status).toBe(403);
  });
});
