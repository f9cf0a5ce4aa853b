import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookRoutes } from '../../src/http/webhook-routes.ts';
import type { ProviderKind } from '../../src/mirror/provider/settings.ts';
import { createVault, type Vault } from '../../src/secrets/vault.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { testMaster } from '../support/org-keys.ts';
import { makeEntry, makeProvider, makeUpstream } from '../support/records.ts';
import { signedAs, signedByStandard } from '../support/webhook.ts';

const BODY = '{"ref":"refs/heads/main","commits":[]}';
const DAY_MS = 86_400_000;

let app: TestApp;
let vault: Vault;
let nowMs: number;
/** The orgs whose upstream was looked at, each time that it was. */
let hints: string[];

beforeEach(async () => {
  nowMs = Date.UTC(2026, 2, 1);
  hints = [];
  const clock = () => nowMs;
  app = await serveApp({
    isEnveloped: false,
    clock,
    rows(stores) {
      vault = createVault({ secrets: stores.secrets, master: testMaster, clock });
      const mirrors = { hint: (org: string) => void hints.push(org) };
      return webhookRoutes({ ...stores, vault, mirrors, clock });
    },
  });
  await put('hook', 'first-secret\n');
});

afterEach(() => app.close());

const put = (name: string, value: string) =>
  vault.put(name, value, { org: 'acme', actor: 'user:ada', requestId: 'r' });

/** acme's upstream, with these secrets for its webhooks. */
const awaitFrom = (kind: ProviderKind, ...webhookRefs: string[]) =>
  app.stores.upstreams.insert(
    makeUpstream({ provider: makeProvider({ kind, webhookRefs }) }),
    makeEntry(),
  );

const send = (path: string, headers: Record<string, string>, body = BODY) =>
  app.ask<{ outcome: string } & Refused>(`/hooks/${path}`, { headers, body });

describe.each(['github', 'gitea', 'gitlab'] as const)('POST /hooks/:org/%s', (kind) => {
  beforeEach(() => awaitFrom(kind, 'hook'));
  const signed = (id?: string, secret = 'first-secret') => signedAs[kind](secret, BODY, id);

  it('is 202 and has the upstream looked at', async () => {
    const answer = await send(`acme/${kind}`, signed());

    expect([answer.status, answer.body.outcome]).toEqual([202, 'accepted']);
    expect(hints).toEqual(['acme']);
  });

  it('is 200 without effect when the same comes again, for three days', async () => {
    await send(`acme/${kind}`, signed());
    nowMs += 3 * DAY_MS - 1;
    await app.stores.webhooks.sweep(new Date(nowMs).toISOString());

    const answer = await send(`acme/${kind}`, signed());

    expect([answer.status, answer.body.outcome]).toEqual([200, 'duplicate']);
    expect(hints).toEqual(['acme']);
  });

  it('has one effect of each, in whatever order they come and come again', async () => {
    const deliveries = ['b', 'a', 'b', 'c', 'a', 'a', 'c', 'b'];

    for (const id of deliveries) {
      const body = `{"delivery":"${id}"}`;
      await send(`acme/${kind}`, signedAs[kind]('first-secret', body, id), body);
    }

    expect(hints).toHaveLength(3);
  });

  it('has one effect when the first try was answered 5xx', async () => {
    const { webhooks } = app.stores;
    const kept = { ...webhooks };
    webhooks.remember = async () => {
      throw new Error('the database is away');
    };
    const failed = await send(`acme/${kind}`, signed());
    Object.assign(webhooks, kept);

    const answers = [await send(`acme/${kind}`, signed()), await send(`acme/${kind}`, signed())];

    expect(failed.status).toBe(500);
    expect(answers.map(({ status }) => status)).toEqual([202, 200]);
    expect(hints).toEqual(['acme']);
  });

  it('is 401 with a wrong signature or none, and has no effect', async () => {
    const answers = [
      await send(`acme/${kind}`, signed('d-1', 'wrong')),
      await send(`acme/${kind}`, signed('d-1', '')),
      await send(`acme/${kind}`, {}),
    ];

    for (const { status, body } of answers) {
      expect([status, body.error.code]).toEqual([401, 'AUTH_TOKEN_INVALID']);
    }
    expect(hints).toEqual([]);
    expect((await send(`acme/${kind}`, signed())).status).toBe(202);
  });

  it('answers a form as it answers JSON', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };

    const answer = await send(`acme/${kind}`, { ...signed(), ...type });

    expect(answer.status).toBe(202);
  });

  it('is 413 for more than 1 MiB', async () => {
    const body = 'x'.repeat(1_048_577);

    const answer = await send(`acme/${kind}`, signedAs[kind]('first-secret', body), body);

    expect([answer.status, answer.body.error.code]).toEqual([413, 'VAL_TOO_LARGE']);
    expect(hints).toEqual([]);
  });
});

describe('POST /hooks/:org/:provider', () => {
  it('takes the old secret and the new one while both are named', async () => {
    await put('next-hook', 'second-secret');
    await awaitFrom('github', 'next-hook', 'hook');

    const answers = [
      await send('acme/github', signedAs.github('first-secret', BODY, 'd-1')),
      await send('acme/github', signedAs.github('second-secret', '{}', 'd-2'), '{}'),
    ];

    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
  });

  it('is 401 for a delivery that was signed too long ago', async () => {
    await awaitFrom('gitlab', 'hook');
    const headers = signedByStandard('first-secret', BODY, 'd-1', nowMs / 1000 - 301);

    const answer = await send('acme/gitlab', headers);

    expect(answer.status).toBe(401);
    expect(hints).toEqual([]);
  });

  it('answers alike for an org that is unknown, hosted, of another provider or without secret', async () => {
    await awaitFrom('github', 'not-stored');
    const headers = signedAs.gitea('first-secret', BODY);

    const answers = [
      await send('nowhere/gitea', headers),
      await send('globex/gitea', headers),
      await send('acme/gitea', headers),
      await send('acme/github', signedAs.github('first-secret', BODY)),
    ];

    const said = answers.map(({ status, body }) => JSON.stringify([status, body.error]));
    expect(new Set(said).size).toBe(1);
    expect(answers[0]!.status).toBe(401);
  });

  it('is 404 for a provider that there is not', async () => {
    const answer = await send('acme/sourceforge', {});

    expect([answer.status, answer.body.error.code]).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('does not tell of an organisation that was removed while it was asked', async () => {
    await awaitFrom('github', 'hook');
    const { upstreams } = app.stores;
    const kept = { ...upstreams };
    upstreams.find = async (org) => {
      const found = await kept.find(org);
      await app.stores.orgs.remove('acme', makeEntry());
      return found;
    };

    const answer = await send('acme/github', signedAs.github('first-secret', BODY));

    expect(answer.status).toBe(401);
    expect(hints).toEqual([]);
  });
});
