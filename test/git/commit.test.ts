import { describe, expect, it } from 'vitest';
import { parseCommit } from '../../src/git/commit.ts';

const oid = 'c'.repeat(40);
const tree = `tree ${'a'.repeat(40)}\n`;
const people =
  'author Ada <ada@example.com> 1700000000 +0200\ncommitter Waymark <w@localhost> 1700000001 -0330\n';
const parse = (text: string) => parseCommit(oid, Buffer.from(text));

describe('parseCommit', () => {
  it('gives both parents of a merge, in their order', () => {
    const [first, second] = ['1'.repeat(40), '2'.repeat(40)];

    const { parents } = parse(`${tree}parent ${first}\nparent ${second}\n${people}\nMerge\n`);

    expect(parents).toEqual([first, second]);
  });

  it('gives seconds since the epoch, whatever the time zone', () => {
    const { author, committer } = parse(`${tree}${people}\nx`);

    expect([author.atSec, committer.atSec]).toEqual([1_700_000_000, 1_700_000_001]);
  });

  it('gives a signature that spans lines, and not as a part of the message', () => {
    const signature =
      'gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n';

    const commit = parse(`${tree}${people}${signature}\nSubject\n\nBody\n`);

    expect(commit.signature).toBe(
      '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----',
    );
    expect(commit.message).toBe('Subject\n\nBody\n');
  });

  it('gives the very bytes that the signature is over', () => {
    const signature = 'gpgsig -----BEGIN\n abc\n -----END\n';
    const encoding = 'encoding UTF-8\n';

    const { signedPayload } = parse(`${tree}${people}${signature}${encoding}\nÜ\ngpgsig x\n`);

    expect(signedPayload?.toString()).toBe(`${tree}${people}${encoding}\nÜ\ngpgsig x\n`);
  });

  it('takes a commit without a message', () => {
    expect(parse(`${tree}${people}`).message).toBe('');
  });

  it.each([
    ['no tree', `${people}\nx`],
    ['no committer', `${tree}${people.split('\n')[0]}\n\nx`],
    ['an author without a time', `${tree}author Ada\n${people.split('\n')[1]}\n\nx`],
  ])('refuses %s as corrupt', (_what, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'REG_CORRUPT' }));
  });
});
