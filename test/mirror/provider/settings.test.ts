import { describe, expect, it } from 'vitest';
import {
  checkProvider,
  type ProviderRequest,
  providerPlace,
} from '../../../src/mirror/provider/settings.ts';
import { parseUpstreamUrl } from '../../../src/mirror/upstream-url.ts';
import { parseAllowList } from '../../../src/outbound/address.ts';
import { makeProvider } from '../../support/records.ts';

const allow = parseAllowList('127.0.0.1');
const upstream = (text = 'https://git.example/team/registry.git') => parseUpstreamUrl(text, allow);

const check = (request: Partial<ProviderRequest>, url?: string) =>
  checkProvider({ kind: 'github', ...request }, upstream(url), {
    allow,
    lookup: async (host) => [{ address: host === 'inside.example' ? '10.0.0.1' : '1.1.1.1' }],
  });

describe('providerPlace', () => {
  it.each([
    ['github', 'https://github.com/team/registry.git', 'https://api.github.com', 'team/registry'],
    ['github', 'git@github.com:team/registry.git', 'https://api.github.com', 'team/registry'],
    ['github', 'https://git.example/team/registry', 'https://git.example/api/v3', 'team/registry'],
    ['gitlab', 'https://git.example/a/b/c.git', 'https://git.example/api/v4', 'a/b/c'],
    ['gitea', 'https://git.example:8443/a/b.git/', 'https://git.example:8443/api/v1', 'a/b'],
    ['gitea', 'ssh://git@git.example:2222/a/b.git', 'https://git.example/api/v1', 'a/b'],
    ['gitea', 'http://127.0.0.1:3000/a/b', 'http://127.0.0.1:3000/api/v1', 'a/b'],
  ] as const)('of %s at %s is %s', (kind, url, apiUrl, project) => {
    const place = providerPlace(makeProvider({ kind }), upstream(url));

    expect(place).toEqual({ apiUrl, project });
  });

  it('is what the settings say', () => {
    const stated = { apiUrl: 'https://api.example/v1', project: 'other/place' };

    expect(providerPlace(makeProvider(stated), upstream())).toEqual(stated);
  });
});

describe('checkProvider', () => {
  it('gives settings with what was left out', async () => {
    const settings = await check({ apiUrl: 'https://api.example/v3/' });

    expect(settings).toEqual({
      kind: 'github',
      apiUrl: 'https://api.example/v3',
      project: null,
      tokenRef: null,
      webhookRefs: [],
    });
  });

  it.each([
    [{ apiUrl: 'ftp://api.example' }, 'protocol'],
    [{ apiUrl: 'http://api.example' }, 'protocol'],
    [{ apiUrl: 'https://u:p@api.example' }, 'credentials'],
    [{ apiUrl: 'https://api.example/?x=1' }, 'query'],
    [{ apiUrl: 'https://10.0.0.1/api' }, 'host'],
    [{ apiUrl: 'https://inside.example/api' }, 'host'],
    [{ apiUrl: 'http://169.254.169.254/' }, 'host'],
  ])('refuses %j', async (request, reason) => {
    const checked = check(request);

    await expect(checked).rejects.toMatchObject({
      code: 'UPSTREAM_REFUSED',
      facts: { details: { reason } },
    });
  });

  it.each([
    { tokenRef: 'No Name' },
    { webhookRefs: ['hook', 'no/name'] },
    { project: 'registry' },
    { project: 'a/b/c' },
    { project: 'a/..' },
    { project: 'a/b?c' },
  ])('refuses %j as it is written', async (request) => {
    await expect(check(request)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });

  it('takes a project in a group of a group from GitLab alone', async () => {
    expect(await check({ kind: 'gitlab', project: 'a/b/c' })).toMatchObject({ project: 'a/b/c' });
  });

  it('refuses an upstream whose path names no repository of such a provider', async () => {
    const checked = check({ kind: 'gitea' }, 'https://git.example/registry.git');

    await expect(checked).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });
});
