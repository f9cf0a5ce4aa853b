import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { diskSpaceOf, isNearlyFull } from '../../src/service/disk.ts';

const GIB = 1024 ** 3;

describe('isNearlyFull', () => {
  it.each([
    ['a twentieth of a small volume', { totalBytes: 10 * GIB, freeBytes: 0.5 * GIB }, false],
    ['less than that', { totalBytes: 10 * GIB, freeBytes: 0.5 * GIB - 1 }, true],
    ['1 GiB of a large volume', { totalBytes: 1000 * GIB, freeBytes: GIB }, false],
    ['less than 1 GiB of it', { totalBytes: 1000 * GIB, freeBytes: GIB - 1 }, true],
    ['nothing at all', { totalBytes: 4_000_000, freeBytes: 0 }, true],
  ])('answers for %s', (_what, space, expected) => {
    expect(isNearlyFull(space)).toBe(expected);
  });
});

describe('diskSpaceOf', () => {
  it('answers bytes of the volume that a folder is on', async () => {
    const { freeBytes, totalBytes } = await diskSpaceOf(tmpdir());

    expect(freeBytes).toBeGreaterThan(0);
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
  });

  it('refuses a folder that is not there', async () => {
    await expect(diskSpaceOf('/nowhere')).rejects.toThrow('ENOENT');
  });
});
