import { describe, expect, it } from 'vitest';
import { checkSettings, type UpstreamRequest } from '../../src/mirror/settings.ts';
import { parseUpstreamUrl } from '../../src/mirror/upstream-url.ts';
import { NOTHING_ALLOWED, parseAllowList } from '../../src/outbound/address.ts';

const policy = { allow: NOTHING_ALLOWED, lookup: async () => [{ address: '1.1.1.1' }] };
const knownHosts = 'git.example ssh-ed25519 AAAA';

describe('parseUpstreamUrl', () => {
  it.each([
    ['https://Git.Example.com./team/registry.git', 'https://git.example.com/team/registry.git'],
    ['https://git.example:443/r', 'https://git.example/r'],
    ['https://git.example:8443/r', 'https://git.example:8443/r'],
    ['https://1.1.257/r', 'https://1.1.1.1/r'],
    ['https://[2606:4700::1]/r', 'https://[2606:4700::1]/r'],
    ['ssh://git@git.example/team/r', 'ssh://git@git.example/team/r'],
    ['ssh://git@git.example:2222/~ada/r', 'ssh://git@git.example:2222/~ada/r'],
    ['ssh://git@0x01.1.1.1/r', 'ssh://git@1.1.1.1/r'],
    ['https://git.example/a b', 'https://git.example/a%20b'],
    ['git@git.example:team/r.git', 'ssh://git@git.example/team/r.git'],
  ])('reads %s as %s', (text, href) => {
    expect(parseUpstreamUrl(text, NOTHING_ALLOWED).href).toBe(href);
  });

  it.each([
    ['file:///srv/registry.git', 'protocol'],
    ['/srv/registry.git', 'protocol'],
    ['ext::sh -c id', 'protocol'],
    ['git://git.example/r', 'protocol'],
    ['ftp://git.example/r', 'protocol'],
    ['git+ssh://git.example/r', 'protocol'],
    ['--upload-pack=id', 'protocol'],
    ['https://user:secret@git.example/r', 'credentials'],
    ['https://token@git.example/r', 'credentials'],
    ['ssh://git:secret@git.example/r', 'credentials'],
    ['ssh://-oProxyCommand=id/r', 'host'],
    ['ssh://-x@git.example/r', 'user'],
    ['ssh://git@-oProxyCommand=id/r', 'host'],
    ['https://127.0.0.1/r', 'host'],
    ['https://0x7f.1/r', 'host'],
    ['https://2130706433/r', 'host'],
    ['https://[::ffff:127.0.0.1]/r', 'host'],
    ['ssh://git@127.1/r', 'host'],
    ['ssh://git@[fd00::1]/r', 'host'],
    ['https://169.254.169.254/latest', 'host'],
    ['https://git.example/r?x=1', 'query'],
    ['https://git.example/r#x', 'query'],
    ['https://git.example', 'path'],
    ['https://git.example/', 'path'],
    ["ssh://git@git.example/r';id'", 'path'],
    ['ssh://git@git.example/-r', 'path'],
    ['ssh://git@git.example/a%0Ab', 'path'],
  ])('refuses %s by its %s', (text, reason) => {
    expect(() => parseUpstreamUrl(text, NOTHING_ALLOWED)).toThrow(
      expect.objectContaining({ code: 'UPSTREAM_REFUSED', facts: { details: { reason } } }),
    );
  });

  it('repeats no password', () => {
    const parse = () => parseUpstreamUrl('https://user:hunter2@git.example/r', NOTHING_ALLOWED);

    expect(parse).not.toThrow('hunter2');
  });
});

describe('checkSettings', () => {
  const https = { url: 'https://git.example/r' };
  const ssh = { url: 'ssh://git@git.example/r', credentials: { secretRef: 'key' }, knownHosts };

  it('fills in what is usual', async () => {
    expect(await checkSettings(https, policy)).toEqual({
      url: 'https://git.example/r',
      branch: 'main',
      username: null,
      secretRef: null,
      knownHosts: null,
      provider: null,
    });
    expect(await checkSettings({ ...https, credentials: { secretRef: 'token' } }, policy)).toEqual(
      expect.objectContaining({ username: 'git', secretRef: 'token' }),
    );
    expect(await checkSettings(ssh, policy)).toMatchObject({ username: null, secretRef: 'key' });
  });

  const wrong: [UpstreamRequest, string][] = [
    [{ ...https, branch: '' }, 'upstream.branch'],
    [{ ...https, branch: '-b' }, 'upstream.branch'],
    [{ ...https, branch: 'a..b' }, 'upstream.branch'],
    [{ ...https, branch: 'a b' }, 'upstream.branch'],
    [{ ...https, branch: 'a*' }, 'upstream.branch'],
    [{ ...https, branch: 'a.lock' }, 'upstream.branch'],
    [{ ...https, branch: 'a:b' }, 'upstream.branch'],
    [{ ...https, credentials: { secretRef: 'No Name' } }, 'upstream.credentials.secretRef'],
    [
      { ...https, credentials: { secretRef: 'a', username: 'a\nb' } },
      'upstream.credentials.username',
    ],
    [{ ...ssh, credentials: null }, 'upstream.credentials'],
    [{ ...ssh, knownHosts: null }, 'upstream.knownHosts'],
    [{ ...ssh, knownHosts: 'nothing of use' }, 'upstream.knownHosts'],
  ];
  it.each(wrong)('refuses %j by %s', async (request, field) => {
    await expect(checkSettings(request, policy)).rejects.toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: [{ field }] },
    });
  });

  it.each(['feature/a', 'v1.2', 'a', 'release-2026', 'user@home'])(
    'takes the branch %s',
    async (branch) => {
      expect(await checkSettings({ ...https, branch }, policy)).toMatchObject({ branch });
    },
  );

  it('refuses a name that stands for a private address', async () => {
    const inside = { ...policy, lookup: async () => [{ address: '10.0.0.1' }] };

    await expect(checkSettings(https, inside)).rejects.toMatchObject({
      code: 'UPSTREAM_REFUSED',
      message: expect.not.stringContaining('10.0.0.1'),
    });
  });

  it('takes a name that has no address for now', async () => {
    const failing = { ...policy, lookup: () => Promise.reject(new Error('ENOTFOUND')) };

    expect(await checkSettings(https, failing)).toMatchObject({ url: https.url });
  });

  it('takes plain http only to what the operator named', async () => {
    const http = { url: 'http://git.internal/r' };
    const allow = parseAllowList('git.internal');

    await expect(checkSettings(http, policy)).rejects.toMatchObject({ code: 'UPSTREAM_REFUSED' });
    expect(await checkSettings(http, { ...policy, allow })).toMatchObject(http);
  });
});
