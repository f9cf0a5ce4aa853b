import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyRole, OrgKey } from '../../src/signing/keys.ts';
import { generateOrgKeys } from '../../src/signing/org-keys.ts';
import { composeRoot, parseRoot, type RootDocument } from '../../src/signing/root.ts';
import { succeedKeys } from '../../src/signing/succession.ts';
import { MADE_AT, makeOrgKeys, testMaster } from '../support/org-keys.ts';

const at = '2026-12-01T00:00:00.000Z';
const terms = {
  org: 'acme',
  orgUid: 'uid-1',
  issuedAt: MADE_AT,
  expiresAt: at,
  custody: 'server',
} as const;

const rootOf = (keys: readonly OrgKey[]): RootDocument =>
  parseRoot(Buffer.from(composeRoot(terms, 1, keys)));

let stored: OrgKey[];
let previous: RootDocument;
let added: OrgKey[];

beforeAll(async () => {
  stored = (await makeOrgKeys()).keys;
  previous = rootOf(stored);
  added = await generateOrgKeys({ org: 'acme', at }, testMaster);
});

const of = (keys: readonly OrgKey[], ...roles: KeyRole[]): OrgKey[] =>
  keys.filter(({ role }) => roles.includes(role));
const fingerprints = (keys: readonly OrgKey[]): string[] =>
  keys.map(({ fingerprint }) => fingerprint);
const rolesOf = (keys: readonly OrgKey[]): Record<KeyRole, readonly string[]> => {
  const { root, release, index } = rootOf(keys).roles;
  return { root: root.keyids, release: release.keyids, index: index.keyids };
};

describe('succeedKeys', () => {
  it('retires the keys in use of the roles that get new ones', () => {
    const replaced = { added: of(added, 'release', 'index'), at, compromised: false };

    const { listed, retire } = succeedKeys(stored, previous, replaced);

    expect(retire).toEqual(fingerprints(of(stored, 'release', 'index')));
    expect(rolesOf(listed)).toEqual({
      root: fingerprints(of(stored, 'root')),
      release: fingerprints([...of(stored, 'release'), ...of(added, 'release')]),
      index: fingerprints(of(added, 'index')),
    });
  });

  it('changes nothing where there is nothing new', () => {
    const { listed, retire } = succeedKeys(stored, previous, { added: [], at, compromised: true });

    expect(listed).toEqual(stored);
    expect(retire).toEqual([]);
  });

  it('does not list what is compromised: neither the key in use nor those before it', async () => {
    const older = (await makeOrgKeys()).keys.map((key) => ({ ...key, retiredAt: MADE_AT }));
    const all = [...of(older, 'release'), ...stored];
    const replaced = { added: of(added, 'release'), at, compromised: true };

    const { listed, retire } = succeedKeys(all, rootOf(all), replaced);

    expect(rolesOf(listed).release).toEqual(fingerprints(of(added, 'release')));
    expect(retire).toEqual(fingerprints(of(stored, 'release')));
  });

  it('leaves retired release keys alone where another role is compromised', async () => {
    const older = (await makeOrgKeys()).keys.map((key) => ({ ...key, retiredAt: MADE_AT }));
    const all = [...of(older, 'release'), ...stored];
    const replaced = { added: of(added, 'index'), at, compromised: true };

    const { listed } = succeedKeys(all, rootOf(all), replaced);

    expect(rolesOf(listed).release).toEqual(fingerprints(of(all, 'release')));
  });

  it('lists keys in the order of before, in whatever order they are stored', async () => {
    const older = (await makeOrgKeys()).keys.map((key) => ({ ...key, retiredAt: MADE_AT }));
    const all = [...of(older, 'release'), ...stored];
    const replaced = { added: of(added, 'release'), at, compromised: false };

    const { listed } = succeedKeys(all.toReversed(), rootOf(all), replaced);

    expect(rolesOf(listed).release).toEqual(fingerprints(of([...all, ...added], 'release')));
  });

  it('never lists a key again that the root before left out', async () => {
    const stolen = of((await makeOrgKeys()).keys, 'release').map((key) => ({
      ...key,
      retiredAt: MADE_AT,
    }));
    const replaced = { added: of(added, 'release'), at, compromised: false };

    const { listed } = succeedKeys([...stolen, ...stored], previous, replaced);

    expect(rolesOf(listed).release).not.toContain(stolen[0]?.fingerprint);
  });
});
