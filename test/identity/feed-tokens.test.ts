import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { ANONYMOUS, type Caller } from '../../src/identity/caller.ts';
import {
  createFeedToken,
  resolveFeedToken,
  revokeFeedToken,
} from '../../src/identity/feed-tokens.ts';
import { mintApiKey, mintFeedToken } from '../../src/identity/keys.ts';
import type { OrgPolicy } from '../../src/identity/org-policy.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const clock = () => Date.parse('2026-03-01T12:00:00Z');
const caller: Caller = { ...ANONYMOUS, kind: 'user', actor: 'user:ada', user: 'ada', org: 'acme' };
const policy: OrgPolicy = {
  roles: new Map(),
  departments: new Map(),
  departmentOfTeam: new Map(),
  teamsOfUser: new Map([['ada', ['sales']]]),
};
const acting = { caller, org: 'acme', policy, requestId: 'r-1', clock };
const request = { name: 'screen', selector: { channel: 'stable', plugins: ['sales'] } };

let stores: Stores;

beforeEach(async () => {
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry({ tenant: '*' }));
});

const create = () => createFeedToken(stores.feedTokens, request, acting);
const resolve = (token: string) => resolveFeedToken(token, { ...stores, clock });

describe('createFeedToken', () => {
  it('answers the token once, and stores its hash', async () => {
    const { id, token } = await create();

    const stored = JSON.stringify(await stores.feedTokens.find(id));
    expect(token).toMatch(/^wmf_[0-9a-f-]{36}_[\w-]{43}$/);
    expect(stored).not.toMatch(token.slice(-20));
    expect(await stores.audit.list('acme', 0, 1)).toMatchObject([
      { action: 'feed-token.create', resource: id, after: request, requestId: 'r-1' },
    ]);
  });

  it('shows no team’s plugins that its maker does not see', async () => {
    const of = (team: string) => ({ ...request, teams: [team] });
    const admin = { ...acting, caller: { ...caller, grantRoles: ['admin'] } };

    await expect(createFeedToken(stores.feedTokens, of('board'), acting)).rejects.toMatchObject({
      code: 'PERM_DENIED',
    });
    const own = await createFeedToken(stores.feedTokens, of('sales'), acting);
    const any = await createFeedToken(stores.feedTokens, of('board'), admin);
    expect([own.teams, any.teams]).toEqual([['sales'], ['board']]);
  });

  it('is for one selector', async () => {
    const both = { ...request, selector: { channel: 'stable', release: '1.0.0' } };

    await expect(createFeedToken(stores.feedTokens, both, acting)).rejects.toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: [{ field: 'selector' }] },
    });
  });
});

describe('resolveFeedToken', () => {
  it('says what the token opens, and notes the use', async () => {
    const { id, token } = await create();

    const feed = await resolve(token);

    expect(feed).toMatchObject({ id, org: 'acme', selector: request.selector, teams: [] });
    expect((await stores.feedTokens.find(id))?.lastUsedAt).toBe('2026-03-01T12:00:00.000Z');
  });

  it.each([
    ['of an unknown id', () => mintFeedToken().token],
    ['with another secret', (token: string) => `${token.slice(0, -4)}AAAA`],
    ['of another use', () => mintApiKey().token],
    ['that is none', () => ''],
  ])('refuses one %s', async (_what, forge) => {
    const { token } = await create();

    await expect(resolve(forge(token))).rejects.toMatchObject({ code: 'AUTH_TOKEN_INVALID' });
  });

  it('refuses one that was revoked', async () => {
    const { id, token } = await create();
    await revokeFeedToken(stores.feedTokens, id, acting);

    await expect(resolve(token)).rejects.toMatchObject({ code: 'AUTH_TOKEN_REVOKED' });
  });
});

describe('revokeFeedToken', () => {
  it('knows no token of another org, and none that was revoked', async () => {
    const { id } = await create();
    const elsewhere = { ...acting, org: 'globex' };
    const missing = { code: 'RES_NOT_FOUND' };

    await expect(revokeFeedToken(stores.feedTokens, id, elsewhere)).rejects.toMatchObject(missing);
    await revokeFeedToken(stores.feedTokens, id, acting);
    await expect(revokeFeedToken(stores.feedTokens, id, acting)).rejects.toMatchObject(missing);
  });
});
