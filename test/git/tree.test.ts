import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { formatTree, parseTree, type TreeEntry } from '../../src/git/tree.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

const made: TestRepository[] = [];
afterEach(async () => {
  for (const repository of made.splice(0)) await repository.remove();
});

const entry = (mode: string, name: string): TreeEntry => ({
  mode,
  name: Buffer.from(name),
  oid: '1'.repeat(40),
});

describe('formatTree', () => {
  it('gives the bytes that git gives, with folders sorted as if they ended in a slash', async () => {
    const repository = await makeRepository({ 'a/x': '', 'a.b': '', 'a-b': '', a0: '', 'B/y': '' });
    made.push(repository);
    const listing = await repository.git('ls-tree', 'main');
    const entries = listing.split('\n').map((line) => {
      const [mode = '', , oid = '', name = ''] = line.split(/\s/);
      return { ...entry(mode.replace(/^0/, ''), name), oid };
    });

    const raw = formatTree(entries.reverse());

    const oid = createHash('sha1').update(`tree ${raw.length}\0`).update(raw).digest('hex');
    expect(oid).toBe(await repository.git('rev-parse', 'main^{tree}'));
  });
});

describe('parseTree', () => {
  const oid = fc
    .uint8Array({ minLength: 20, maxLength: 20 })
    .map((b) => Buffer.from(b).toString('hex'));
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 30 })
    .map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)));
  const mode = fc.constantFrom('100644', '100755', '40000', '120000', '160000');

  it('reads back any names and oids, byte for byte', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ mode, name, oid }), {
          selector: ({ name }) => name.toString('hex'),
        }),
        (entries) => {
          const byName = (a: TreeEntry, b: TreeEntry) => Buffer.compare(a.name, b.name);
          expect(parseTree(formatTree(entries)).sort(byName)).toEqual(entries.sort(byName));
        },
      ),
    );
  });

  it('refuses a tree that is cut anywhere within an entry', () => {
    const raw = formatTree([entry('100644', 'one'), entry('40000', 'two')]);
    const ends = [0, formatTree([entry('100644', 'one')]).length, raw.length];

    for (let length = 0; length <= raw.length; length += 1) {
      const parse = () => parseTree(raw.subarray(0, length));
      if (ends.includes(length)) expect(parse()).toHaveLength(ends.indexOf(length));
      else expect(parse).toThrow(expect.objectContaining({ code: 'REG_CORRUPT' }));
    }
  });

  it('refuses more entries than asked for', () => {
    const raw = formatTree([entry('100644', 'one'), entry('100644', 'two')]);

    expect(parseTree(raw, 2)).toHaveLength(2);
    expect(() => parseTree(raw, 1)).toThrow(expect.objectContaining({ code: 'VAL_TOO_LARGE' }));
  });
});
