import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createArtifactStore } from '../../src/database/artifact-store.ts';
import { sha256Hex } from '../../src/model/digest.ts';

let dir: string;
let store: Awaited<ReturnType<typeof createArtifactStore>>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waymark-artifacts-'));
  store = await createArtifactStore(dir);
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

const segments = async (): Promise<string[]> => readdir(join(dir, 'segments'));

async function reopen(onUnreadable?: (file: string) => void): Promise<void> {
  await store.close();
  store = await createArtifactStore(dir, onUnreadable ? { onUnreadable } : {});
}

/** Changes the one byte at `offset` of the only segment; from the end where negative. */
async function flipByte(offset: number): Promise<void> {
  const path = join(dir, 'segments', (await segments())[0]!);
  const bytes = await readFile(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = bytes[at]! ^ 1;
  await writeFile(path, bytes);
}

const hello = Buffer.from('hello');
const none = Buffer.alloc(0);

describe('write', () => {
  it('answers the SHA-256 of each, in order, the same content twice included', async () => {
    const names = await store.write([hello, none, hello]);

    expect(names).toEqual([sha256Hex(hello), sha256Hex(none), sha256Hex(hello)]);
  });

  it('stores what is new in one segment, and nothing for what is known', async () => {
    await store.write([hello, none]);
    await store.write([hello]);
    await store.write([]);

    expect(await segments()).toHaveLength(1);
  });

  it('stores contents small and large, in whatever order', async () => {
    const sizes = [0, 1, 700_000, 700_000, 3_000_000, 5, 1 << 20, 2];
    const contents = sizes.map((size, i) => Buffer.alloc(size, i));

    const names = await store.write(contents);
    await reopen();

    for (const [i, name] of names.entries()) {
      expect((await store.read(name))?.equals(contents[i]!), `content ${i}`).toBe(true);
    }
  });

  it('lets the same content be written by several at once', async () => {
    const writes = Array.from({ length: 5 }, () => store.write([hello, none]));

    const names = await Promise.all(writes);

    expect(new Set(names.flat()).size).toBe(2);
    expect(await store.read(sha256Hex(hello))).toEqual(hello);
    await reopen();
    expect(await store.read(sha256Hex(hello))).toEqual(hello);
  });

  it('names nothing before it is durable', async () => {
    const writing = store.write([hello]);

    expect(store.has(sha256Hex(hello))).toBe(false);
    await writing;
    expect(store.has(sha256Hex(hello))).toBe(true);
  });
});

describe('read', () => {
  it('answers undefined for what is not there', async () => {
    expect(store.has(sha256Hex('unknown'))).toBe(false);
    expect(await store.read(sha256Hex('unknown'))).toBeUndefined();
  });

  it('finds everything again after a restart, over many segments', async () => {
    // More segments than are kept open at once.
    const contents = Array.from({ length: 200 }, (_, i) => Buffer.from(`content ${i}`));
    const names: string[] = [];
    for (const content of contents) names.push(...(await store.write([content])));
    await reopen();

    const read = await Promise.all(names.map((name) => store.read(name)));

    expect(read).toEqual(contents);
  });

  it('refuses a damaged content by name, and serves its neighbours', async () => {
    const names = await store.write([hello, Buffer.from('neighbour')]);
    await flipByte(0);

    await expect(store.read(names[0]!)).rejects.toMatchObject({
      code: 'REG_CORRUPT',
      message: expect.stringContaining(names[0]!),
    });
    expect(String(await store.read(names[1]!))).toBe('neighbour');
  });

  it('is healed by writing a damaged content again, for good', async () => {
    const [name] = await store.write([hello]);
    await flipByte(0);
    await expect(store.read(name!)).rejects.toMatchObject({ code: 'REG_CORRUPT' });
    expect(store.has(name!)).toBe(false);

    await store.write([hello]);

    expect(await store.read(name!)).toEqual(hello);
    await reopen();
    expect(await store.read(name!)).toEqual(hello);
  });

  it('refuses a content that the file is too short for', async () => {
    const [name] = await store.write([hello]);
    await writeFile(join(dir, 'segments', (await segments())[0]!), 'hel');

    await expect(store.read(name!)).rejects.toMatchObject({ code: 'REG_CORRUPT' });
  });

  it('throws when the segment is gone, and again at the next try', async () => {
    const [name] = await store.write([hello]);
    await rm(join(dir, 'segments'), { recursive: true });

    await expect(store.read(name!)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(store.read(name!)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('stream', () => {
  it('gives the bytes from start to before end, of this content only', async () => {
    const [, name] = await store.write([Buffer.from('before'), hello, Buffer.from('after')]);

    const part = async (start?: number, end?: number) =>
      String(await buffer(store.stream(name!, start, end)));

    expect(await part()).toBe('hello');
    expect(await part(1)).toBe('ello');
    expect(await part(1, 3)).toBe('el');
    expect(await part(2, 2)).toBe('');
    expect(await part(4, 100)).toBe('o');
    expect(await part(9)).toBe('');
  });

  it('gives an empty content as nothing', async () => {
    const [name] = await store.write([none]);

    expect(await buffer(store.stream(name!))).toHaveLength(0);
  });

  it('throws for what is not there', () => {
    expect(() => store.stream(sha256Hex('unknown'))).toThrow(
      expect.objectContaining({ code: 'RES_NOT_FOUND' }),
    );
  });
});

describe('createArtifactStore', () => {
  it('removes what a crash left unfinished, and nothing else', async () => {
    const [name] = await store.write([hello]);
    await writeFile(join(dir, 'segments', '000-half.seg.tmp'), 'half');

    await reopen();

    expect(await segments()).toHaveLength(1);
    expect(await store.read(name!)).toEqual(hello);
  });

  it('reports a segment whose index is damaged, and starts without it', async () => {
    for (const offset of [-1, -5, -12, -20]) {
      const [name] = await store.write([hello]);
      await flipByte(offset);
      const unreadable: string[] = [];

      await reopen((file) => unreadable.push(file));

      expect(unreadable, `byte ${offset}`).toEqual(await segments());
      expect(store.has(name!)).toBe(false);
      await rm(join(dir, 'segments', unreadable[0]!));
    }
  });

  it('reports a segment that is cut short or empty', async () => {
    await writeFile(join(dir, 'segments', '0.seg'), '');
    await writeFile(join(dir, 'segments', '1.seg'), 'cut short, but longer than a trailer');
    const unreadable: string[] = [];

    await reopen((file) => unreadable.push(file));

    expect(unreadable).toEqual(['0.seg', '1.seg']);
  });
});

describe('sweep', () => {
  const DAY_MS = 86_400_000;
  let nowMs: number;
  const openAt = async () => {
    await store.close();
    store = await createArtifactStore(dir, { clock: () => nowMs });
  };
  const bytes = (text: string) => Buffer.from(text.padEnd(100));
  const name = (text: string) => sha256Hex(bytes(text));
  const sweep = (...used: string[]) => store.sweep(new Set(used.map(name)), nowMs - DAY_MS);

  beforeEach(async () => {
    nowMs = Date.now();
    await openAt();
    await store.write(['a', 'b', 'c'].map(bytes));
    nowMs += 2 * DAY_MS;
  });

  it('removes what is not used, and keeps the rest', async () => {
    expect(await sweep('a')).toBe(2);

    expect(await store.read(name('a'))).toEqual(bytes('a'));
    expect(store.has(name('b'))).toBe(false);
    expect(await segments()).toHaveLength(1);
    await openAt();
    expect(['a', 'b', 'c'].map((text) => store.has(name(text)))).toEqual([true, false, false]);
  });

  it('removes a segment that holds nothing used', async () => {
    expect(await sweep()).toBe(3);

    expect(await segments()).toEqual([]);
  });

  it('leaves what somebody asked for in the last day', async () => {
    nowMs -= DAY_MS / 2;
    store.has(name('a'));
    await store.read(name('b'));
    await store.write([bytes('c')]);
    nowMs += DAY_MS / 2;

    expect(await sweep()).toBe(0);
    nowMs += DAY_MS;
    expect(await sweep()).toBe(3);
  });

  it('leaves what somebody finds here while it is at work', async () => {
    const sweeping = sweep('a');
    store.has(name('b'));

    expect(await sweeping).toBe(0);

    expect(await store.read(name('b'))).toEqual(bytes('b'));
    expect(await store.read(name('a'))).toEqual(bytes('a'));
  });

  it('leaves a segment of which more than half is used', async () => {
    expect(await sweep('a', 'b')).toBe(0);

    expect(store.has(name('c'))).toBe(true);
  });

  it('leaves what was there before a restart for another day', async () => {
    await openAt();

    expect(await sweep()).toBe(0);
    nowMs += 2 * DAY_MS;
    expect(await sweep()).toBe(3);
  });

  it('removes the old copy that a crash left, and nothing that cannot be read', async () => {
    const [old] = await segments();
    const kept = await readFile(join(dir, 'segments', old!));
    await sweep('a');
    await writeFile(join(dir, 'segments', old!), kept);
    await writeFile(join(dir, 'segments', '000000000000001-x.seg'), 'no segment');
    await openAt();
    nowMs += 2 * DAY_MS;

    await sweep('a');

    expect(await segments()).toHaveLength(2);
    expect(await segments()).toContain('000000000000001-x.seg');
    expect(await store.read(name('a'))).toEqual(bytes('a'));
  });
});
