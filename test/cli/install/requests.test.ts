import { describe, expect, it } from 'vitest';
import type { Delivery, ReleaseListing } from '../../../cli/delivery.ts';
import type { LockedPlugin } from '../../../cli/install/lock.ts';
import { parseRequest, type Resolution, resolveRequest } from '../../../cli/install/requests.ts';
import type { Index } from '../../../cli/trust/index-document.ts';

describe('parseRequest', () => {
  it.each([
    ['sales', 'sales', '*'],
    ['sales@^1.2', 'sales', '^1.2'],
    ['sales@1.4.0', 'sales', '1.4.0'],
    ['sales--v1.4.0', 'sales', '1.4.0'],
    ['sales@sales--v1.4.0', 'sales', '1.4.0'],
    ['sales@>=1 <3', 'sales', '>=1 <3'],
  ])('reads %s', (text, plugin, range) => {
    expect(parseRequest(text)).toEqual({ plugin, range });
  });

  it.each(['', '@1', 'Sales', 'a--b', '../x', 'sales@newest'])('refuses %j', (text) => {
    expect(() => parseRequest(text)).toThrow(/is no plugin id|is neither a version nor a range/);
  });
});

describe('resolveRequest', () => {
  const listing = (version: string, seq: number, yanked = false): ReleaseListing => ({
    plugin: 'sales',
    version,
    tag: `sales--v${version}`,
    seq,
    yanked,
  });
  const releases = [listing('2.0.0', 5), listing('1.3.0', 4, true), listing('1.2.0', 3)];
  const warnings: string[] = [];

  const resolve = (
    range: string,
    installed?: { version: string; seq: number },
    channel = '2.0.0',
  ) =>
    resolveRequest({
      plugin: 'sales',
      range,
      index: { plugins: new Map([['sales', { version: channel, seq: 5 }]]) } as unknown as Index,
      installed: installed as LockedPlugin | undefined,
      delivery: { releases: async () => releases } as unknown as Delivery,
      warn: (line) => warnings.push(line),
    });

  it.each<[range: string, kind: Resolution['kind']]>([
    ['*', 'channel'],
    ['^2', 'channel'],
    ['^1', 'release'],
    ['1.3.0', 'release'],
  ])('%s comes from the %s', async (range, kind) => {
    expect(await resolve(range)).toMatchObject({ kind });
  });

  it('follows the channel for * though it holds a prerelease', async () => {
    expect(await resolve('*', undefined, '2.1.0-dev.7')).toMatchObject({ kind: 'channel' });
  });

  it('leaves yanked releases out of a range, and takes one that is named', async () => {
    expect(await resolve('^1')).toEqual({ kind: 'release', version: '1.2.0' });
    expect(await resolve('1.3.0')).toEqual({ kind: 'release', version: '1.3.0' });
  });

  it('never goes back within a range on the word of an unsigned list', async () => {
    expect(await resolve('^1', { version: '1.3.0', seq: 4 })).toEqual({ kind: 'installed' });
    expect(warnings.at(-1)).toContain('To go back: waymark add sales@1.2.0');
  });

  it('keeps what is installed when it is the one', async () => {
    expect(await resolve('^1', { version: '1.2.0', seq: 3 })).toEqual({ kind: 'installed' });
    expect(await resolve('1.2.0', { version: '1.2.0', seq: 3 })).toEqual({ kind: 'installed' });
  });
});
