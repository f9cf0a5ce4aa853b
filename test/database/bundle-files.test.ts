import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BundleFiles, createBundleFiles } from '../../src/database/bundle-files.ts';
import { sha256Hex } from '../../src/model/digest.ts';

let dir: string;
let bundles: BundleFiles;
const name = sha256Hex('sealed');

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waymark-bundles-'));
  bundles = await createBundleFiles(dir);
});
afterEach(() => rm(dir, { recursive: true }));

async function store(content: string): Promise<void> {
  const file = await bundles.create();
  await writeFile(file.path, content);
  await file.commit(sha256Hex(content));
}

describe('create', () => {
  it('shows nothing until it is committed', async () => {
    const file = await bundles.create();
    await writeFile(file.path, 'sealed');
    expect(bundles.size(name)).toBeUndefined();

    await file.commit(name);

    expect(bundles.size(name)).toBe(6);
    expect(await readdir(dir)).toEqual([name]);
  });

  it('leaves nothing when it is aborted', async () => {
    const file = await bundles.create();
    await writeFile(file.path, 'half');

    await file.abort();

    expect(await readdir(dir)).toEqual([]);
  });

  it('gives writers at the same time a file each', async () => {
    const [one, other] = await Promise.all([bundles.create(), bundles.create()]);

    expect(one.path).not.toBe(other.path);
  });

  it('takes the same content a second time', async () => {
    await store('sealed');
    await store('sealed');

    expect(await readdir(dir)).toEqual([name]);
  });

  it('fails when nothing was written, and leaves nothing', async () => {
    const file = await bundles.create();

    await expect(file.commit(name)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('stream', () => {
  it('gives the bytes from start to before end', async () => {
    await store('sealed');

    const part = async (start?: number, end?: number) =>
      String(await buffer(bundles.stream(name, start, end)));

    expect(await part()).toBe('sealed');
    expect(await part(2)).toBe('aled');
    expect(await part(2, 4)).toBe('al');
    expect(await part(4, 4)).toBe('');
  });

  it('fails for a file that is not there', async () => {
    await expect(buffer(bundles.stream(name))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('goes on to the end when the file is removed meanwhile', async () => {
    await store('sealed');
    const stream = bundles.stream(name);
    await new Promise((resolve) => stream.once('readable', resolve));

    await bundles.remove(name);

    expect(String(await buffer(stream))).toBe('sealed');
    expect(bundles.size(name)).toBeUndefined();
  });
});

describe('remove', () => {
  it('takes a name that is not there', async () => {
    await expect(bundles.remove(name)).resolves.toBeUndefined();
  });
});

describe('path', () => {
  it('refuses a name that could leave the directory', () => {
    for (const bad of ['../../etc/passwd', '', name.toUpperCase(), `${name}/x`, `${name}\n`]) {
      expect(() => bundles.path(bad), bad).toThrow(TypeError);
    }
  });
});

describe('createBundleFiles', () => {
  it('removes what a crash left unfinished, and nothing else', async () => {
    await store('sealed');
    await writeFile((await bundles.create()).path, 'half');

    bundles = await createBundleFiles(dir);

    expect(await readdir(dir)).toEqual([name]);
  });
});

describe('sweep', () => {
  it('removes what is not used and old, and tells how many', async () => {
    for (const content of ['sealed', 'unused', 'young']) await store(content);
    const old = new Date(Date.now() - 3_600_000);
    for (const content of ['sealed', 'unused'])
      await utimes(join(dir, sha256Hex(content)), old, old);

    const count = await bundles.sweep(new Set([name]), Date.now() - 60_000);

    expect(count).toBe(1);
    expect((await readdir(dir)).toSorted()).toEqual([name, sha256Hex('young')].toSorted());
  });
});
