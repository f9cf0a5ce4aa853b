import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../src/git/byte-queue.ts';

describe('ByteQueue', () => {
  it('gives the same lines and bodies however the bytes are cut into chunks', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    fc.assert(
      fc.property(bodies, cuts, (expected, lengths) => {
        const sent = Buffer.concat(
          expected.flatMap((body) => [Buffer.from(`${body.length}\n`), body]),
        );

        expect(readAll(sent, lengths)).toEqual(expected.map((body) => Buffer.from(body)));
      }),
    );
  });

  it('forgets all when it is cleared', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from('half a li'));

    queue.clear();
    queue.push(Buffer.from('ne\n'));

    expect(queue.takeLine()).toBe('ne');
  });
});

/** Reads `<length>\n<body>`…, sent in chunks of the given lengths over and over. */
function readAll(sent: Buffer, lengths: readonly number[]): Buffer[] {
  const queue = new ByteQueue();
  const bodies: Buffer[] = [];
  let length: number | undefined;
  for (let at = 0, turn = 0; at < sent.length; turn += 1) {
    const end = at + (lengths[turn % lengths.length] ?? 1);
    queue.push(sent.subarray(at, end));
    at = end;
    for (;;) {
      if (length === undefined) {
        const line = queue.takeLine();
        if (line === undefined) break;
        length = Number(line);
      }
      const body = queue.take(length);
      if (!body) break;
      bodies.push(body);
      length = undefined;
    }
  }
  return bodies;
}
