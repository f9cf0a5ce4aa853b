import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createOpenStreams } from '../../../../src/plugin-host/builtin/model/open-streams.ts';

const never = new AbortController().signal;

async function* saying(...words: string[]) {
  for (const text of words) yield { text };
}

const open = (...words: string[]) => ({
  pieces: saying(...words),
  closing: new AbortController(),
});

describe('open streams', () => {
  it('are read to their end, and closed there', async () => {
    const streams = createOpenStreams();
    const stream = open('Hel', 'lo.');
    const id = streams.add(stream);

    expect(await streams.read(id, never)).toEqual({ text: 'Hel' });
    expect(await streams.read(id, never)).toEqual({ text: 'lo.' });
    expect(stream.closing.signal.aborted).toBe(false);
    expect(await streams.read(id, never)).toBeUndefined();
    expect(stream.closing.signal.aborted).toBe(true);
    await expect(streams.read(id, never)).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('are closed when nobody comes back for them', async () => {
    const streams = createOpenStreams(1);
    const stream = open('Hello.');
    const closed = once(stream.closing.signal, 'abort');

    const id = streams.add(stream);

    await closed;
    await expect(streams.read(id, never)).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('are 64 at most', () => {
    const streams = createOpenStreams();
    const all = Array.from({ length: 64 }, () => open());
    const ids = all.map((stream) => streams.add(stream));

    expect(() => streams.check()).toThrow(expect.objectContaining({ code: 'PLG_BUSY' }));
    streams.close(ids[0]!);
    expect(() => streams.check()).not.toThrow();
  });

  it('end together', () => {
    const streams = createOpenStreams();
    const all = [open(), open()];
    for (const stream of all) streams.add(stream);

    streams.closeAll();

    expect(all.map(({ closing }) => closing.signal.aborted)).toEqual([true, true]);
  });

  it('end with who was reading', async () => {
    const streams = createOpenStreams();
    const closing = new AbortController();
    const pieces = {
      async next(): Promise<never> {
        await once(closing.signal, 'abort');
        throw closing.signal.reason as Error;
      },
    };
    const id = streams.add({ pieces, closing });
    const reader = new AbortController();

    const reading = expect(streams.read(id, reader.signal)).rejects.toThrow('gone');
    reader.abort(new Error('gone'));

    await reading;
    expect(closing.signal.aborted).toBe(true);
  });
});
