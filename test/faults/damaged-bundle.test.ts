import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Downloader, KINDS, makeDownloader } from './downloads.ts';
import { flipByte } from './flip-byte.ts';
import { isFull, makeSite, type Site } from './site.ts';

/** Faults 15 and 21 of docs/spec/reliability.md: a stored bundle is damaged, a download breaks off. */
let site: Site;
let downloader: Downloader;

beforeAll(async () => {
  site = await makeSite();
  downloader = await makeDownloader(site);
});
afterAll(() => site.remove());
beforeEach(() => downloader.renew());

/** From the beginning of the stored file to its end, which holds the checks. */
const PLACES = isFull ? Array.from({ length: 25 }, (_, i) => i / 24) : [0, 0.999, 1];

describe.each(KINDS)('a stored bundle, %s', (kind) => {
  it.each(PLACES)(
    'with a byte flipped at %d of its length is not sent, and made anew',
    async (place) => {
      await downloader.fetch(kind);
      await flip(place);

      await expect(downloader.fetch(kind)).rejects.toThrow();

      const { bytes } = await downloader.fetch(kind);
      expect(await downloader.open(kind, bytes)).toEqual(await downloader.pushed());
    },
  );

  it('with a byte flipped within a range is not sent', async () => {
    const { bytes } = await downloader.fetch(kind);
    await flip(0.5);
    const middle = Math.floor(bytes.length / 2);

    const range = { range: `bytes=${middle - 10_000}-${middle + 10_000}` };
    const answer = await downloader.ask(kind, range);

    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ error: { code: 'SIGN_SEALED_CORRUPT' } });
  });

  it('with a byte flipped outside of a range is sent right, or not at all', async () => {
    const { bytes } = await downloader.fetch(kind);
    await flip(0.999);

    const start = await downloader.fetch(kind, { range: 'bytes=100-50099' });

    expect(start.bytes.equals(bytes.subarray(100, 50_100))).toBe(true);
  });

  it('that was cut short is made anew', async () => {
    await downloader.fetch(kind);
    await truncate(await storedFile(), 1000);

    const { bytes } = await downloader.fetch(kind);

    expect(await downloader.open(kind, bytes)).toEqual(await downloader.pushed());
  });
});

describe.each(KINDS)('a download that broke off, %s', (kind) => {
  it('goes on at the same bytes, though the server was killed in between', async () => {
    const { etag, bytes } = await downloader.fetch(kind);
    await site.serve();

    const rest = await downloader.fetch(kind, { range: 'bytes=70000-', 'if-range': etag });

    expect(rest.etag).toBe(etag);
    expect(rest.bytes.equals(bytes.subarray(70_000))).toBe(true);
  });

  it('is sent whole when the content is another by then', async () => {
    const { etag } = await downloader.fetch(kind);
    await downloader.renew();

    const range = { range: 'bytes=70000-', 'if-range': etag };
    const answer = await downloader.ask(kind, range);

    expect(answer.status).toBe(200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(await downloader.open(kind, bytes)).toEqual(await downloader.pushed());
  });

  it('is refused past its end', async () => {
    const { bytes } = await downloader.fetch(kind);

    const answer = await downloader.ask(kind, { range: `bytes=${bytes.length}-` });

    expect(answer.status).toBe(416);
  });
});

async function storedFile(): Promise<string> {
  const rows = site.query<{ name: string }>(
    'select body_digest as name from sealed_body order by rowid desc limit 1',
  );
  return join(site.dataDir, 'bundles', rows[0]!.name);
}

const flip = async (place: number): Promise<void> => flipByte(await storedFile(), place);
