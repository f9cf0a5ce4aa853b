import { describe, expect, it } from 'vitest';
import { NOTHING_ALLOWED, parseAllowList } from '../../src/outbound/address.ts';
import { type Lookup, resolvePinned } from '../../src/outbound/guard.ts';

const names =
  (...addresses: string[]): Lookup =>
  async () =>
    addresses.map((address) => ({ address }));

const strict = (lookup: Lookup = names()) => ({ allow: NOTHING_ALLOWED, lookup });
const opened = (list: string, lookup: Lookup = names()) => ({
  allow: parseAllowList(list),
  lookup,
});

describe('resolvePinned', () => {
  it('gives the checked addresses of a public host', async () => {
    const pinned = await resolvePinned(
      'Git.Example.COM.',
      strict(names('1.1.1.1', '2606:4700::1')),
    );

    expect(pinned).toEqual({
      host: 'git.example.com',
      addresses: ['1.1.1.1', '2606:4700::1'],
      isNamed: false,
    });
  });

  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.1.1',
    '100.64.0.1',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '::',
    '[::ffff:127.0.0.1]',
    '::ffff:7f00:1',
    '::7f00:1',
    '[::127.0.0.1]',
    '0x7f000001',
    '017700000001',
    '127.0.0.1.',
    '64:ff9b::7f00:1',
    '64:ff9b:1::808:808',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    'fd00::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '100::1',
    '4000::1',
  ])('refuses %s, written or resolved', async (address) => {
    const bare = address.replace(/^\[|\]$/g, '');

    await expect(resolvePinned(address, strict())).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(resolvePinned('name.example', strict(names(bare)))).rejects.toMatchObject({
      code: 'REFUSED',
    });
  });

  it.each(['::ffff:1.1.1.1', '64:ff9b::101:101', '2002:101:101::'])(
    'takes %s for the public IPv4 address in it',
    async (address) => {
      const { addresses } = await resolvePinned(address, strict());

      expect(addresses).toHaveLength(1);
    },
  );

  it('refuses a host with one private address among public ones', async () => {
    const policy = strict(names('1.1.1.1', '10.0.0.1'));

    await expect(resolvePinned('mixed.example', policy)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('asks the resolver once, so that a second answer cannot matter', async () => {
    const answers = [['1.1.1.1'], ['127.0.0.1']];
    const rebinding: Lookup = async () => answers.shift()!.map((address) => ({ address }));

    const { addresses } = await resolvePinned('rebind.example', strict(rebinding));

    expect(addresses).toEqual(['1.1.1.1']);
    expect(answers).toHaveLength(1);
  });

  it.each(['localhost', 'LOCALHOST.', 'api.localhost'])(
    'refuses %s, as the system itself resolves it',
    async (host) => {
      const refusal = resolvePinned(host, { allow: NOTHING_ALLOWED });

      await expect(refusal).rejects.toMatchObject({
        code: expect.stringMatching(/^(REFUSED|UNRESOLVED)$/) as string,
      });
    },
  );

  it.each([
    '',
    '-oProxyCommand=id',
    'a b',
    'fe80::1%eth0',
    'a..b',
    'host;id',
    `${'a'.repeat(254)}`,
  ])('refuses %j, which names no host', async (host) => {
    await expect(resolvePinned(host, strict(names('1.1.1.1')))).rejects.toMatchObject({
      code: 'REFUSED',
    });
  });

  it('says when a host has no address', async () => {
    const failing: Lookup = async () => {
      throw new Error('ENOTFOUND');
    };

    await expect(resolvePinned('gone.example', strict(failing))).rejects.toMatchObject({
      code: 'UNRESOLVED',
    });
    await expect(resolvePinned('gone.example', strict())).rejects.toMatchObject({
      code: 'UNRESOLVED',
    });
  });

  it('names no address in what it says', async () => {
    const refusal = resolvePinned('inside.example', strict(names('10.11.12.13')));

    await expect(refusal).rejects.not.toThrow(/10\.11/);
  });
});

describe('WAYMARK_OUTBOUND_ALLOW', () => {
  it('opens a network', async () => {
    const policy = opened('10.1.0.0/16, ::1', names('10.1.2.3'));

    expect(await resolvePinned('inside.example', policy)).toMatchObject({ isNamed: true });
    expect(await resolvePinned('::1', policy)).toMatchObject({ addresses: ['::1'] });
    await expect(resolvePinned('10.2.0.1', policy)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('opens a host, whatever its private addresses are', async () => {
    const policy = opened('git.internal', names('10.9.9.9'));

    expect(await resolvePinned('Git.Internal', policy)).toMatchObject({ addresses: ['10.9.9.9'] });
    await expect(resolvePinned('other.internal', policy)).rejects.toMatchObject({
      code: 'REFUSED',
    });
  });

  it.each([
    '169.254.169.254',
    'fd00:ec2::254',
    '0.0.0.0',
    '224.0.0.1',
    '::ffff:169.254.169.254',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::169.254.169.254',
    '::ffff:0:169.254.169.254',
    '2002:a9fe:a9fe::',
    '2852039166',
    '100.100.100.200',
  ])('never opens %s', async (address) => {
    const policy = opened('0.0.0.0/0,::/0,metadata.example', names(address));

    await expect(resolvePinned(address, policy)).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(resolvePinned('metadata.example', policy)).rejects.toMatchObject({
      code: 'REFUSED',
    });
  });

  it.each(['10.0.0.0/33', 'https://host', 'a b', '*.example.com', 'host:443'])(
    'refuses the entry %j',
    (entry) => {
      expect(() => parseAllowList(`ok.example,${entry}`)).toThrow(RangeError);
    },
  );
});
