import { describe, expect, it } from 'vitest';
import { eventsIn } from '../../../../src/plugin-host/builtin/model/event-stream.ts';

async function* sent(chunks: readonly Uint8Array[]) {
  yield* chunks;
}

async function eventsOf(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  const events: string[] = [];
  const bytes = chunks.map((chunk) => Buffer.from(chunk as string));
  for await (const some of eventsIn(sent(bytes))) events.push(...some);
  return events;
}

describe('eventsIn', () => {
  it.each([
    ['line feeds', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['carriage returns and line feeds', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['carriage returns', 'data: a\r\rdata: b\r\r\n', ['a', 'b']],
    ['no space, or two', 'data:a\n\ndata:  b\n\n', ['a', ' b']],
    ['several lines of data', 'data: a\ndata\ndata: b\n\n', ['a\n\nb']],
    ['comments and other fields', ': hi\nevent: x\nid: 7\ndata: a\nretry: 1\n\n: hi\n\n', ['a']],
    ['a field that is none', 'database: a\n\n', []],
    ['an event that is cut off', 'data: a\n\ndata: b\n', ['a']],
    ['nothing', '', []],
  ])('reads %s', async (_, text, events) => {
    expect(await eventsOf(text)).toEqual(events);
  });

  it('is the same wherever the bytes are parted', async () => {
    const bytes = Buffer.from('data: {"é": "🚀"}\r\n\r\n: …\r\n\r\ndata: ü\r\ndata: €\r\n\r\n');

    for (let at = 0; at <= bytes.length; at++) {
      const parts = [bytes.subarray(0, at), bytes.subarray(at)];
      expect(await eventsOf(...parts), `parted at ${at}`).toEqual(['{"é": "🚀"}', 'ü\n€']);
    }
    expect(await eventsOf(...[...bytes].map((byte) => Uint8Array.of(byte)))).toHaveLength(2);
  });

  it('gives what a chunk has completed at once', async () => {
    const chunks = ['data: a\n\nda', 'ta: b\n\ndata: c\n\n'].map((text) => Buffer.from(text));
    const batches: string[][] = [];

    for await (const batch of eventsIn(sent(chunks))) batches.push(batch);

    expect(batches).toEqual([['a'], ['b', 'c']]);
  });

  it.each(['x'.repeat(700_000), `data: ${'x'.repeat(700_000)}\n`])(
    'keeps no line or event that has no end',
    async (endless) => {
      await expect(eventsOf(endless, endless)).rejects.toMatchObject({
        code: 'INT_UPSTREAM_FAILED',
      });
    },
  );
});
