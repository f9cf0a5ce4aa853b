import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { type ExternalUser, findOrCreateExternalUser, USERNAME } from '../../src/identity/users.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeUser } from '../support/records.ts';

const ada: ExternalUser = {
  issuer: 'https://id.example',
  subject: '42',
  email: 'ada@acme.example',
  name: 'Ada Lovelace',
};

let stores: Stores;

beforeEach(() => {
  stores = createMemoryStores();
});

const find = (part: Partial<ExternalUser> = {}) =>
  findOrCreateExternalUser({ ...stores, clock: () => 0 }, { ...ada, ...part }, 'r-1');

describe('findOrCreateExternalUser', () => {
  it('makes the user at the first log-in, who has no password and no rights', async () => {
    const user = await find();

    expect(user).toMatchObject({
      username: 'ada@acme.example',
      displayName: 'Ada Lovelace',
      passwordHash: null,
      isSiteAdmin: false,
    });
    expect(await stores.audit.list('*', 0, 10)).toMatchObject([
      { action: 'user.create', resource: user.id, requestId: 'r-1', after: { subject: '42' } },
    ]);
  });

  it('finds them by issuer and subject, whatever else has changed', async () => {
    const user = await find();

    expect(await find({ email: 'ada@new.example', name: null })).toEqual(user);
  });

  it('never takes one for another of the same e-mail address', async () => {
    const own = makeUser('ada@acme.example', { email: 'ada@acme.example' });
    await stores.users.insert(own, makeEntry());

    const other = await find({ issuer: 'https://evil.example' });

    expect(other.id).not.toBe(own.id);
    expect(other.username).toMatch(/^ada@acme\.example-[0-9a-f]{4}$/);
  });

  it('makes one user of two log-ins at once', async () => {
    const [first, second] = await Promise.all([find(), find()]);

    expect(second).toEqual(first);
  });

  it.each([
    [{ email: 'Ada.L@Acme.Example' }, /^ada\.l@acme\.example$/],
    [{ email: null }, /^ada-lovelace-[0-9a-f]{4}$/],
    [{ email: null, name: 'Zoë  Ünal' }, /^zoe-unal-[0-9a-f]{4}$/],
  ])('names %j', async (part, username) => {
    expect((await find(part)).username).toMatch(username);
  });

  it('gives nobody another’s name because they call themselves so', async () => {
    const { username } = await find({ email: null, name: 'bob@acme.example' });

    expect(username).toMatch(/^bob@acme\.example-[0-9a-f]{4}$/);
  });

  it('finds a name of the right form for anybody', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (name) => {
        stores = createMemoryStores();

        expect((await find({ email: null, name })).username).toMatch(USERNAME);
      }),
    );
  });
});
