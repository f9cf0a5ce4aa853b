import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameReader, frame } from '../../../src/plugin-host/runtime/frames.js';

function readAll(chunks: readonly Buffer[], limitBytes = 1000) {
  const texts: string[] = [];
  let refusals = 0;
  const read = createFrameReader({
    limitBytes,
    read: (text) => texts.push(text),
    tooLong: () => {
      refusals += 1;
    },
  });
  for (const chunk of chunks) read(chunk);
  return { texts, refusals };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const size of [...sizes, bytes.length]) {
    chunks.push(bytes.subarray(from, from + size));
    from += size;
  }
  return chunks;
}

describe('createFrameReader', () => {
  it('reads what frame wrote, however the stream is cut', () => {
    const texts = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 8 });
    const sizes = fc.array(fc.nat(20));

    fc.assert(
      fc.property(texts, sizes, (written, cuts) => {
        const chunks = cut(Buffer.concat(written.map(frame)), cuts);

        expect(readAll(chunks)).toEqual({ texts: written, refusals: 0 });
      }),
    );
  });

  it('refuses a length above the limit before anything of it is there', () => {
    const { texts, refusals } = readAll([frame('first'), Buffer.from([0, 0, 4, 0])]);

    expect(texts).toEqual(['first']);
    expect(refusals).toBe(1);
  });

  it('reads nothing behind it', () => {
    const { texts } = readAll([Buffer.from([255, 255, 255, 255]), frame('later')]);

    expect(texts).toEqual([]);
  });
});
