import { expect, it } from 'vitest';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const [first, second, other] = ['1'.repeat(40), '2'.repeat(40), '3'.repeat(40)] as const;

await contract('CommitAuthorStore', (stores) => {
  async function withOrgs() {
    for (const slug of ['acme', 'globex']) {
      await stores().orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
    }
    return stores();
  }

  it('names whoever brought any of the commits, each once, of one org', async () => {
    const { commitAuthors } = await withOrgs();
    await commitAuthors.add('acme', first, ['user:lin', 'user:ada']);
    await commitAuthors.add('acme', first, ['user:lin']);
    await commitAuthors.add('acme', second, ['user:lin', 'user:kim']);
    await commitAuthors.add('acme', other, ['user:eve']);
    await commitAuthors.add('globex', first, ['user:mallory']);

    const found = await commitAuthors.of('acme', [first, second]);

    expect(found).toEqual(['user:ada', 'user:kim', 'user:lin']);
    expect(await commitAuthors.of('acme', [])).toEqual([]);
  });

  it('takes more commits than a database takes parameters at once', async () => {
    const { commitAuthors } = await withOrgs();
    const many = Array.from({ length: 1201 }, (_, i) => i.toString(16).padStart(40, '0'));
    await commitAuthors.add('acme', many.at(-1)!, ['user:lin']);
    await commitAuthors.add('acme', many[0]!, ['user:lin', 'user:ada']);

    expect(await commitAuthors.of('acme', many)).toEqual(['user:ada', 'user:lin']);
  });

  it('keeps nothing of nobody, and nothing of an org that was removed meanwhile', async () => {
    const { commitAuthors } = stores();

    await commitAuthors.add('acme', first, []);

    await expect(commitAuthors.add('acme', first, ['user:lin'])).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
    });
  });

  it('goes with its org', async () => {
    const { commitAuthors, orgs } = await withOrgs();
    await commitAuthors.add('acme', first, ['user:lin']);

    await orgs.remove('acme', makeEntry({ tenant: '*' }));

    expect(await commitAuthors.of('acme', [first])).toEqual([]);
  });
});
