import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { findClientAddress } from '../../src/http/client-address.ts';
import { sessionRoutes } from '../../src/http/session-routes.ts';
import { userRoutes } from '../../src/http/user-routes.ts';
import { parseNetworks } from '../../src/outbound/address.ts';
import { MANAGEMENT_KEY, type Refused, serveApp, type TestApp } from '../support/app.ts';
import { cheapPasswords, loggingIn } from '../support/passwords.ts';
import { addPerson, browserOf, PASSWORD } from '../support/people.ts';

const ADA = '198.51.100.7';
const EVE = '203.0.113.9';

describe('findClientAddress', () => {
  const find = (peer: string | undefined, forwarded: string | undefined, proxies: string) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    const request = { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
    return findClientAddress(request, parseNetworks(proxies));
  };

  it.each([
    ['where no proxy is trusted', EVE, ADA, ''],
    ['of a peer that is not trusted', EVE, ADA, '10.0.0.0/8'],
    ['of a peer that names a proxy', EVE, `${ADA}, 10.0.0.1`, '10.0.0.0/8'],
    ['of a proxy that names nobody', '10.0.0.1', undefined, '10.0.0.0/8'],
    ['of a proxy that says nothing', '10.0.0.1', '', '10.0.0.0/8'],
    ['of an IPv6 peer that is not trusted', '2001:db8::9', ADA, '2001:db8:1::/48'],
    ['of a connection that is gone', undefined, ADA, '0.0.0.0/0,::/0'],
  ])('is the connection’s: %s', (_when, peer, forwarded, proxies) => {
    expect(find(peer, forwarded, proxies)).toBe(peer);
  });

  it.each([
    ['one', '10.0.0.1', ADA, '10.0.0.1', ADA],
    ['one of a network', '10.9.9.9', ADA, '10.0.0.0/8', ADA],
    ['several in a row', '10.0.0.1', `${ADA}, 192.0.2.1,10.0.0.2`, '10.0.0.0/8,192.0.2.1', ADA],
    ['one, of whoever writes a list of their own', '10.0.0.1', `${ADA}, ${EVE}`, '10.0.0.1', EVE],
    [
      'one, of whoever names the proxy before themselves',
      '10.0.0.1',
      `${ADA}, 10.0.0.1, ${EVE}`,
      '10.0.0.1',
      EVE,
    ],
    ['one, by IPv6', '2001:db8::1', '2001:DB8:7:0::1', '2001:db8::/64', '2001:db8:7::1'],
    ['one that is IPv4 on an IPv6 socket', '::ffff:10.0.0.1', ADA, '10.0.0.0/8', ADA],
    ['one that was set as IPv4 in IPv6', '10.0.0.1', ADA, '::ffff:10.0.0.1', ADA],
    ['one that writes IPv4 in IPv6', '10.0.0.1', `::ffff:${ADA}`, '10.0.0.1', ADA],
    [
      'all, a client within their network',
      '10.0.0.1',
      '10.0.0.3, 10.0.0.2',
      '10.0.0.0/8',
      '10.0.0.3',
    ],
  ])('is what is before the proxies: %s', (_which, peer, forwarded, proxies, client) => {
    expect(find(peer, forwarded, proxies)).toBe(client);
  });

  it.each(['unknown', '', `${ADA}:4711`, `"${ADA}"`, '010.0.0.7', '0x7f.1', '_hidden', '[::1]'])(
    'does not look past %j, which is no address',
    (entry) => {
      expect(find('10.0.0.1', `${ADA}, ${entry}, 10.0.0.2`, '10.0.0.0/8')).toBe('10.0.0.2');
    },
  );
});

describe('two clients of one proxy', () => {
  let app: TestApp;

  afterEach(() => app.close());

  const behindProxy = async (options: { rateLimit?: number; trustedProxies?: string } = {}) => {
    app = await serveApp({
      at: '/api/v1',
      trustedProxies: '127.0.0.1',
      rows(stores, authenticator) {
        const orgNames = { has: () => true, slugs: () => [] };
        const parts = { ...loggingIn(stores, Date.now), passwords: cheapPasswords, authenticator };
        return [...userRoutes(parts), ...sessionRoutes({ ...parts, orgNames, publicUrl: null })];
      },
      ...options,
    });
    await addPerson(app.stores, 'ada', { acme: ['editor'] });
  };
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const codeOf = async (asking: Promise<{ status: number; body: unknown }>) => {
    const { status, body } = await asking;
    return [status, (body as Refused).error?.code];
  };
  const logIn = (address: string, password: string) => {
    const body = { username: 'ada', password };
    return codeOf(app.ask('/api/v1/session', { body, headers: from(address) }));
  };

  it('have a bucket each', async () => {
    await behindProxy({ rateLimit: 20 });
    const ask = (address: string) => codeOf(app.ask('/', { headers: from(address) }));
    for (let i = 0; i < 2; i += 1) await ask(EVE);

    expect(await ask(EVE)).toEqual([429, 'RATE_LIMITED']);
    expect(await ask(ADA)).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('have no say in where they come from', async () => {
    await behindProxy({ rateLimit: 20 });
    const ask = (said: string) => codeOf(app.ask('/', { headers: from(`${said}, ${EVE}`) }));
    for (const said of ['192.0.2.1', '192.0.2.2']) await ask(said);

    expect(await ask('192.0.2.3')).toEqual([429, 'RATE_LIMITED']);
  });

  it('are locked out each for their own guesses', async () => {
    await behindProxy();
    for (let i = 0; i < 5; i += 1) await logIn(EVE, 'wrong');

    expect(await logIn(EVE, PASSWORD)).toEqual([429, 'RATE_LIMITED']);
    expect(await logIn(ADA, PASSWORD)).toEqual([201, undefined]);
  });

  it('are one where the proxy is not trusted', async () => {
    await behindProxy({ trustedProxies: '' });
    for (let i = 0; i < 5; i += 1) await logIn(EVE, 'wrong');

    expect(await logIn(ADA, PASSWORD)).toEqual([429, 'RATE_LIMITED']);
  });

  it('are locked out by git’s password too', async () => {
    await behindProxy();
    const git = (address: string, password: string) => {
      const authorization = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;
      return codeOf(app.ask('/git/acme', { headers: { ...from(address), authorization } }));
    };
    for (let i = 0; i < 5; i += 1) await git(EVE, `wrong-${i}`);

    expect(await git(EVE, PASSWORD)).toEqual([429, 'RATE_LIMITED']);
    expect(await git(ADA, PASSWORD)).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('are locked out by the present password, when they change their own', async () => {
    await behindProxy();
    const { ask } = await browserOf(app, 'ada');
    const change = (address: string, currentPassword: string) => {
      const body = { currentPassword, password: 'another long password' };
      return codeOf(ask('/api/v1/users/me', { method: 'PUT', body, headers: from(address) }));
    };
    for (let i = 0; i < 5; i += 1) await change(EVE, 'wrong');

    expect(await change(EVE, PASSWORD)).toEqual([429, 'RATE_LIMITED']);
    expect(await change(ADA, PASSWORD)).toEqual([200, undefined]);
  });

  it('are banned each for their own wrong management keys', async () => {
    await behindProxy();
    const ask = async (address: string, key: string) => {
      const headers = { ...from(address), 'x-management-key': key };
      const { status, body } = await app.ask('/v0/management/plugins', { headers });
      return [status, (body as { code: string }).code];
    };
    for (let i = 0; i < 5; i += 1) await ask(EVE, 'wrong');

    expect(await ask(EVE, MANAGEMENT_KEY)).toEqual([403, 'PERM_BANNED']);
    expect(await ask(ADA, MANAGEMENT_KEY)).toEqual([404, 'RES_NOT_FOUND']);
  });
});
