import { beforeAll, describe, expect, it } from 'vitest';
import { checkDraft, type DraftTerms } from '../../../cli/trust/root-draft.ts';
import type { KeyRole, OrgKey } from '../../../src/signing/keys.ts';
import { generateOrgKeys } from '../../../src/signing/org-keys.ts';
import { composeRoot, parseRoot, type RootDocument } from '../../../src/signing/root.ts';
import { succeedKeys } from '../../../src/signing/succession.ts';
import { MADE_AT, makeOrgKeys, testMaster } from '../../support/org-keys.ts';

const times = { issuedAt: MADE_AT, expiresAt: '2027-11-02T09:00:00.000Z' };
const terms = { org: 'acme', orgUid: 'uid-1', ...times, custody: 'offline' } as const;
const parse = (body: string): RootDocument => parseRoot(Buffer.from(body));

let keys: OrgKey[];
let trusted: RootDocument;

beforeAll(async () => {
  keys = (await makeOrgKeys()).keys;
  trusted = parse(composeRoot(terms, 4, keys));
});

/** What an honest server drafts. */
async function draft(roles: KeyRole[], compromised = false): Promise<string> {
  const added = await generateOrgKeys({ org: 'acme', at: MADE_AT, roles }, testMaster);
  const { listed } = succeedKeys(keys, trusted, { added, at: MADE_AT, compromised });
  return composeRoot(terms, 5, listed);
}

const termsOf = (roles: KeyRole[], part: Partial<DraftTerms> = {}): DraftTerms => ({
  trusted,
  roles,
  compromised: false,
  rootKey: trusted.roles.root.keyids[0]!,
  ...part,
});

describe('checkDraft', () => {
  it.each<[KeyRole[], boolean]>([
    [[], false],
    [['release'], false],
    [['release'], true],
    [['index'], true],
    [['release', 'index'], false],
  ])('takes what was asked for: %j, compromised: %j', async (roles, compromised) => {
    const body = await draft(roles, compromised);

    expect(await checkDraft(body, termsOf(roles, { compromised }))).toEqual(parse(body));
  });

  it('takes the new root key that was sent, and no other', async () => {
    const body = await draft(['root']);
    const [rootKey] = parse(body).roles.root.keyids;

    await expect(checkDraft(body, termsOf(['root'], { rootKey: rootKey! }))).resolves.toBeDefined();
    await expect(checkDraft(body, termsOf(['root']))).rejects.toMatchObject({
      code: 'ROOT_MISMATCH',
      message: expect.stringMatching(/^draft: its root key is .* It was not signed$/),
    });
  });

  type Change = (root: RootDocument) => Partial<RootDocument>;
  const doubled = ({ keyids }: { keyids: readonly string[] }) => ({ keyids, threshold: 2 });

  it.each<[string, Change]>([
    ['its org is other', () => ({ org: 'other' })],
    ['its orgUid is uid-2', () => ({ orgUid: 'uid-2' })],
    ['its version is 6', () => ({ version: 6 })],
    ['its custody is server', () => ({ custody: 'server' })],
    [
      'its list of thresholds is 1 2 1',
      ({ roles }) => ({
        roles: { ...roles, release: doubled(roles.release) },
      }),
    ],
    ['its root key is', ({ roles }) => ({ roles: { ...roles, root: roles.release } })],
    [
      'it changes the index keys unasked',
      ({ roles }) => ({
        roles: { ...roles, index: roles.release },
      }),
    ],
  ])('refuses a draft of which %s', async (reason, change) => {
    const honest = parse(await draft(['release']));
    const body = JSON.stringify({ ...honest, ...change(honest) });

    await expect(checkDraft(body, termsOf(['release']))).rejects.toMatchObject({
      code: 'ROOT_MISMATCH',
      message: expect.stringContaining(reason),
    });
  });

  it.each<[what: string, asked: KeyRole[], drafted: KeyRole[], compromised: boolean]>([
    ['gives a key unasked', ['index'], ['index', 'release'], false],
    ['gives no new key', ['release', 'index'], ['index'], false],
    ['keeps a compromised key', ['release'], ['release'], true],
  ])('refuses a draft that %s', async (_what, asked, drafted, compromised) => {
    const body = await draft(drafted);

    await expect(checkDraft(body, termsOf(asked, { compromised }))).rejects.toMatchObject({
      code: 'ROOT_MISMATCH',
    });
  });

  it('takes the keys of a role in any order', async () => {
    const honest = parse(await draft(['release']));
    const { release } = honest.roles;
    const turned = { ...release, keyids: [...release.keyids].reverse() };
    const body = JSON.stringify({ ...honest, roles: { ...honest.roles, release: turned } });

    expect(release.keyids.length).toBeGreaterThan(1);
    await expect(checkDraft(body, termsOf(['release']))).resolves.toMatchObject({
      version: honest.version,
    });
  });

  it('refuses a draft that gives up the tags of before unasked', async () => {
    const body = await draft(['release'], true);

    await expect(checkDraft(body, termsOf(['release']))).rejects.toMatchObject({
      code: 'ROOT_MISMATCH',
    });
  });

  it('refuses what is no root', async () => {
    await expect(checkDraft('{}', termsOf([]))).rejects.toMatchObject({ code: 'ROOT_INVALID' });
  });
});
