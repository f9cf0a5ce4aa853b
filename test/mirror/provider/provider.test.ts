import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openProvider } from '../../../src/mirror/provider/open.ts';
import type { NewPullRequest, Provider } from '../../../src/mirror/provider/port.ts';
import { NOTHING_ALLOWED, parseAllowList } from '../../../src/outbound/address.ts';
import { makePull, type ProviderServer, startProvider } from '../../support/provider-server.ts';
import { makeProvider, makeUpstream } from '../../support/records.ts';

const COMMIT = '5'.repeat(40);
const AT = '2026-03-01T12:00:00.000Z';

const wanted: NewPullRequest = {
  branch: 'say-how',
  base: 'main',
  title: 'Say how',
  body: 'Because nobody knew.',
  isDraft: false,
};
const stored = makePull();
const status = {
  commit: COMMIT,
  state: 'failure',
  context: 'waymark/validate',
  description: 'plugins/sales/plugin.yaml:3:1 title is missing',
  targetUrl: null,
} as const;

describe.each(['github', 'gitlab', 'gitea'] as const)('Provider (%s)', (kind) => {
  let server: ProviderServer;
  let provider: Provider;

  const open = async (token = server.token, allow = parseAllowList('127.0.0.1')) =>
    (await openProvider(
      makeUpstream({
        url: 'https://git.example/team/registry.git',
        provider: makeProvider({ kind, apiUrl: server.apiUrl }),
      }),
      { vault: { read: async () => token }, outbound: { allow } },
    ))!;

  beforeEach(async () => {
    server = await startProvider(kind);
    provider = await open();
  });

  afterEach(async () => {
    await server.close();
    expect(server.faults).toEqual([]);
  });

  describe('reportStatus', () => {
    it.each([
      ['pending', 'pending'],
      ['success', 'success'],
      ['failure', kind === 'gitlab' ? 'failed' : 'failure'],
    ] as const)('says %s in the words of the provider', async (state, said) => {
      await provider.reportStatus({ ...status, state });

      expect(server.statuses).toEqual([
        {
          commit: COMMIT,
          state: said,
          name: 'waymark/validate',
          description: status.description,
          targetUrl: null,
        },
      ]);
    });

    it('again is as once', async () => {
      await provider.reportStatus(status);
      await provider.reportStatus(status);

      expect(new Set(server.statuses.map(({ state }) => state)).size).toBe(1);
    });

    it('says where more is said, and cuts off what is too long', async () => {
      const targetUrl = 'https://waymark.example/';

      await provider.reportStatus({ ...status, description: 'x'.repeat(1000), targetUrl });

      const [said] = server.statuses;
      expect(said?.targetUrl).toBe(targetUrl);
      expect(said?.description).toMatch(/^x{140,255}$/);
    });
  });

  describe('openPullRequest', () => {
    it('gives the one that was opened', async () => {
      const opened = await provider.openPullRequest(wanted);

      expect(opened).toEqual({
        number: 1,
        title: 'Say how',
        description: 'Because nobody knew.',
        source: 'say-how',
        target: 'main',
        author: 'waymark-bot',
        head: '7'.repeat(40),
        status: 'open',
        createdAt: AT,
        updatedAt: AT,
        mergedAt: null,
        mergeCommit: null,
        url: 'https://provider.example/team/registry/pulls/1',
      });
    });

    it('opens a draft', async () => {
      const opened = await provider.openPullRequest({ ...wanted, isDraft: true });

      expect(opened.status).toBe('draft');
      expect(opened.title).toContain('Say how');
    });

    it('is refused for good where the branch has one', async () => {
      await provider.openPullRequest(wanted);

      const again = provider.openPullRequest(wanted);

      await expect(again).rejects.toMatchObject({ reason: 'refused', isLasting: true });
    });
  });

  describe('findPullRequest', () => {
    it('gives the open one of that branch into that base', async () => {
      server.pulls.push({ ...stored, number: 1, branch: 'say-how', state: 'closed' });
      server.pulls.push({ ...stored, number: 2, branch: 'say-how', base: 'other' });
      server.pulls.push({ ...stored, number: 3, branch: 'say-how' });
      server.pulls.push({ ...stored, number: 4, branch: 'another' });

      expect(await provider.findPullRequest('say-how', 'main')).toMatchObject({ number: 3 });
      expect(await provider.findPullRequest('unknown', 'main')).toBeUndefined();
    });
  });

  describe('listPullRequests', () => {
    it('gives those of every state, the last changed first', async () => {
      const mergeCommit = '6'.repeat(40);
      server.pulls.push(
        { ...stored, number: 1, state: 'merged', mergeCommit, updatedAt: '2026-03-04T00:00:00Z' },
        { ...stored, number: 2, state: 'closed', updatedAt: '2026-03-03T00:00:00Z' },
        { ...stored, number: 3, isDraft: true, updatedAt: '2026-03-02T00:00:00Z' },
        { ...stored, number: 4, author: null, updatedAt: '2026-03-01T00:00:00Z' },
      );

      const listed = await provider.listPullRequests();

      expect(listed.map(({ number, status }) => [number, status])).toEqual([
        [1, 'merged'],
        [2, 'closed'],
        [3, 'draft'],
        [4, 'open'],
      ]);
      expect(listed[0]).toMatchObject({ mergeCommit, mergedAt: AT, description: '' });
      expect(listed[1]).toMatchObject({ mergeCommit: null, mergedAt: null, author: 'ada' });
      expect(listed[3]).toMatchObject({ mergeCommit: null, author: 'ghost' });
    });

    it('leaves out one whose head is no commit, which git would be asked for', async () => {
      server.pulls.push(
        { ...stored, number: 1, head: 'main:secret\n' },
        { ...stored, number: 2, state: 'merged', mergeCommit: 'HEAD' },
      );

      const listed = await provider.listPullRequests();

      expect(listed.map(({ number }) => number)).toEqual([2]);
      expect(listed[0]?.mergeCommit).not.toBe('HEAD');
    });

    it('fails where none can be read', async () => {
      server.pulls.push({ ...stored, head: '' });

      await expect(provider.listPullRequests()).rejects.toMatchObject({ reason: 'failed' });
    });

    it('gives a hundred', async () => {
      for (let number = 1; number <= 120; number++) server.pulls.push({ ...stored, number });

      const listed = await provider.listPullRequests();

      expect(listed.map(({ number }) => number)).toEqual(
        Array.from({ length: 100 }, (_, i) => 120 - i),
      );
    });
  });

  describe('a request that fails', () => {
    it.each([
      [401, {}, 'credentials-refused', true],
      [403, {}, 'credentials-refused', true],
      [403, { 'x-ratelimit-remaining': '0' }, 'rate-limited', false],
      [404, {}, 'not-found', true],
      [422, {}, 'refused', true],
      [429, {}, 'rate-limited', false],
      [500, {}, 'failed', false],
      [302, { location: 'http://169.254.169.254/' }, 'address-refused', true],
    ])('with %i %j is %s', async (code, headers, reason, isLasting) => {
      server.intercept = (_operation, response) => {
        response.writeHead(code, headers).end('{"message":"no, secret-host"}');
        return true;
      };

      const failed = provider.reportStatus(status);

      await expect(failed).rejects.toMatchObject({ reason, isLasting });
      await expect(failed).rejects.not.toThrow('secret-host');
    });

    it.each([
      ['that is no JSON', '<html>'],
      ['of another form', '{"number":"one"}'],
    ])('by an answer %s may be tried again', async (_what, text) => {
      server.intercept = (_operation, response) => {
        response.writeHead(201).end(text);
        return true;
      };

      const failed = provider.openPullRequest(wanted);

      await expect(failed).rejects.toMatchObject({ reason: 'failed', isLasting: false });
    });

    it('because nobody answers may be tried again', async () => {
      await server.close();

      await expect(provider.listPullRequests()).rejects.toMatchObject({
        reason: 'unreachable',
        isLasting: false,
      });
    });

    it('because the token is wrong says so', async () => {
      const stranger = await open('another');

      await expect(stranger.listPullRequests()).rejects.toMatchObject({
        reason: 'credentials-refused',
      });
    });

    it('does not leave for an address that is not allowed', async () => {
      const refused = (await open(server.token, NOTHING_ALLOWED)).listPullRequests();

      await expect(refused).rejects.toMatchObject({ reason: 'address-refused' });
      expect(server.asked).toEqual([]);
    });
  });
});

describe('openProvider', () => {
  const outbound = { allow: NOTHING_ALLOWED };
  const openWith = (token: string | undefined, provider = makeProvider()) =>
    openProvider(makeUpstream({ url: 'https://git.example/team/registry.git', provider }), {
      vault: { read: async () => token },
      outbound,
    });

  it('gives none where none is set up, or without a token', async () => {
    const upstream = makeUpstream({ provider: null });
    const deps = { vault: { read: async () => 'token' }, outbound };

    expect(await openProvider(upstream, deps)).toBeUndefined();
    expect(await openWith('token', makeProvider({ tokenRef: null }))).toBeUndefined();
  });

  it.each([undefined, '', ' \n', 'two words', 'a\nb'])('refuses a token of %j', async (token) => {
    await expect(openWith(token)).rejects.toMatchObject({ reason: 'secret-missing' });
  });

  it('takes a token that was stored with an end of line', async () => {
    expect(await openWith('token\n')).toBeDefined();
  });
});
