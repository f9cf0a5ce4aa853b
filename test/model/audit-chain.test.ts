import { describe, expect, it } from 'vitest';
import {
  CHAIN_START,
  ChainCheck,
  type ChainedEntry,
  chainEntry,
  findBreak,
} from '../../src/model/audit-chain.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { makeEntry } from '../support/records.ts';

function chainOf(length: number): ChainedEntry[] {
  const chain: ChainedEntry[] = [];
  for (let i = 1; i <= length; i++) {
    chain.push(chainEntry(chain.at(-1), makeEntry({ resource: `r${i}`, after: { i } })));
  }
  return chain;
}

describe('chainEntry', () => {
  it('starts at sequence 1 behind 64 zeros, then names the entry before', () => {
    const [first, second] = chainOf(2);

    expect(first).toMatchObject({ sequence: 1, previousHash: CHAIN_START });
    expect(second).toMatchObject({ sequence: 2, previousHash: first!.hash });
  });

  it('hashes the sorted, blank-free JSON of every other field', () => {
    const entry = chainEntry(undefined, makeEntry({ after: { b: 1, a: 2 } }));

    const canonical =
      '{"action":"test.act","actor":"user:ada","after":{"a":2,"b":1},' +
      `"at":"2026-03-01T12:00:00.000Z","previousHash":"${CHAIN_START}",` +
      '"resource":"thing","sequence":1,"tenant":"acme"}';
    expect(entry.hash).toBe(sha256Hex(canonical));
  });

  it('gives equal content one hash, whatever the order of its fields', () => {
    const one = chainEntry(undefined, makeEntry({ after: { a: 1, b: [2] } }));
    const other = chainEntry(undefined, makeEntry({ after: { b: [2], a: 1 } }));

    expect(other.hash).toBe(one.hash);
  });

  it('drops what JSON drops, so that the stored entry still verifies', () => {
    const entry = chainEntry(undefined, makeEntry({ after: { gone: undefined, at: new Date(0) } }));

    expect(entry.after).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    expect(findBreak([JSON.parse(JSON.stringify(entry)) as ChainedEntry])).toBeUndefined();
  });

  it('replaces a lone surrogate, which no database can store', () => {
    expect(chainEntry(undefined, makeEntry({ resource: 'x\ud800' })).resource).toBe('x\ufffd');
  });
});

describe('findBreak', () => {
  it('finds nothing in a whole chain, in a later part of one, or in none', () => {
    const chain = chainOf(5);

    expect(findBreak(chain)).toBeUndefined();
    expect(findBreak(chain.slice(2), chain[1])).toBeUndefined();
    expect(findBreak([])).toBeUndefined();
  });

  it('names the first entry that was altered', () => {
    const chain = chainOf(5);
    chain[2] = { ...chain[2]!, actor: 'user:mallory' };

    expect(findBreak(chain)).toBe(3);
  });

  it('names the entry after one that was altered and hashed anew', () => {
    const chain = chainOf(5);
    chain[2] = chainEntry(chain[1], makeEntry({ actor: 'user:mallory' }));

    expect(findBreak(chain)).toBe(4);
  });

  it('names the entry that follows a missing one', () => {
    expect(findBreak(chainOf(5).toSpliced(1, 1))).toBe(3);
  });

  it('names the first entry when the start was cut off', () => {
    expect(findBreak(chainOf(5).slice(1))).toBe(2);
  });

  it('names the entry that was moved', () => {
    const [first, second, third] = chainOf(3);

    expect(findBreak([first!, third!, second!])).toBe(3);
  });
});

describe('ChainCheck', () => {
  const reportOf = (
    entries: readonly ChainedEntry[],
    terms?: ConstructorParameters<typeof ChainCheck>[0],
  ) => {
    const check = new ChainCheck(terms);
    for (const entry of entries) check.add(entry);
    return check.finish();
  };

  it('counts the entries of a whole chain', () => {
    expect(reportOf(chainOf(3))).toEqual({ ok: true, entries: 3, gaps: [] });
  });

  it('names every stretch that is missing, and where the chain first breaks', () => {
    const cut = chainOf(9).filter(({ sequence }) => ![2, 5, 6].includes(sequence));

    expect(reportOf(cut)).toEqual({
      ok: false,
      entries: 6,
      firstBreak: 3,
      gaps: [
        { from: 2, to: 2 },
        { from: 5, to: 6 },
      ],
    });
  });

  it('misses an end that was cut off, by a place that was kept', () => {
    const chain = chainOf(5);

    const report = reportOf(chain.slice(0, 3), { kept: [chain[4]!] });

    expect(report).toEqual({ ok: false, entries: 3, firstBreak: 4, gaps: [{ from: 4, to: 5 }] });
  });

  it('misses everything, where all was deleted', () => {
    expect(reportOf([], { kept: [chainOf(2)[1]!] })).toMatchObject({ ok: false, firstBreak: 1 });
  });

  it('refuses a chain that was rewritten as a whole, by a place that was kept', () => {
    const kept = chainOf(4)[3]!;
    const forged: ChainedEntry[] = [];
    for (let i = 1; i <= 6; i++) {
      forged.push(chainEntry(forged.at(-1), makeEntry({ actor: 'user:mallory' })));
    }

    expect(reportOf(forged)).toMatchObject({ ok: true });
    expect(reportOf(forged, { kept: [kept] })).toMatchObject({ ok: false, firstBreak: 4 });
  });

  it('goes through the places that were kept', () => {
    const chain = chainOf(5);

    expect(reportOf(chain, { kept: [chain[1]!, chain[4]!] })).toMatchObject({ ok: true });
  });

  it("refuses another tenant's chain", () => {
    expect(reportOf(chainOf(2), { tenant: 'globex' })).toMatchObject({ ok: false, firstBreak: 1 });
  });

  it('stops naming gaps after a hundred', () => {
    const odd = chainOf(300).filter(({ sequence }) => sequence % 2 === 1);

    expect(reportOf(odd).gaps).toHaveLength(100);
  });
});
