import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findSecret, keepSecret, replaceSecret } from '../../src/config/secret-file.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-secret-'));
  path = join(folder, 'data', 'master-key');
});

afterEach(() => rm(folder, { recursive: true }));

describe('keepSecret', () => {
  it('stores the first secret, for its owner alone', async () => {
    expect(await keepSecret(path, 'first')).toBe('first');

    expect(await findSecret(path)).toBe('first');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('keeps what is there, and answers it', async () => {
    await keepSecret(path, 'first');

    expect(await keepSecret(path, 'second')).toBe('first');
  });

  it('gives everybody who starts at once the same', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => keepSecret(path, `secret-${i}`)),
    );

    expect(new Set(answers).size).toBe(1);
    expect(await readdir(join(folder, 'data'))).toEqual(['master-key']);
  });
});

describe('replaceSecret', () => {
  it('puts another in its place, for its owner alone', async () => {
    await keepSecret(path, 'first');

    await replaceSecret(path, 'second');

    expect(await findSecret(path)).toBe('second');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});

describe('findSecret', () => {
  it('finds nothing where there is no file', async () => {
    expect(await findSecret(path)).toBeUndefined();
  });

  it('fails where there is one that cannot be read', async () => {
    await writeFile(join(folder, 'data'), 'a file in place of the folder');

    await expect(findSecret(path)).rejects.toThrow('ENOTDIR');
  });
});
