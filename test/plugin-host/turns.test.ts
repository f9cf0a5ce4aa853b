import { describe, expect, it } from 'vitest';
import { WaymarkError } from '../../src/model/errors.ts';
import { Turns } from '../../src/plugin-host/turns.ts';

/** Work that ends when the test says so, once it has begun. */
function makeWork() {
  const begun: string[] = [];
  const places = new Map<
    string,
    { started: PromiseWithResolvers<void>; end: PromiseWithResolvers<string> }
  >();
  const placeOf = (name: string) => {
    const known = places.get(name) ?? {
      started: Promise.withResolvers<void>(),
      end: Promise.withResolvers<string>(),
    };
    places.set(name, known);
    return known;
  };
  return {
    begun,
    work: (name: string) => () => {
      begun.push(name);
      placeOf(name).started.resolve();
      return placeOf(name).end.promise;
    },
    started: (name: string) => placeOf(name).started.promise,
    end: async (name: string, error?: Error) => {
      await placeOf(name).started.promise;
      if (error) placeOf(name).end.reject(error);
      else placeOf(name).end.resolve(name);
    },
  };
}

describe('run', () => {
  it('gives so many turns at once, and the others in their order', async () => {
    const { begun, work, started, end } = makeWork();
    const turns = new Turns({ inFlight: 2, queued: 2 });

    const all = ['a', 'b', 'c', 'd'].map((name) => turns.run(work(name)));
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    await started('c');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    await end('d');

    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('refuses what would make the row longer than it may be', async () => {
    const { work, end } = makeWork();
    const turns = new Turns({ inFlight: 1, queued: 1 });
    const first = turns.run(work('a'));
    const second = turns.run(work('b'));

    await expect(turns.run(work('c'))).rejects.toEqual(
      new WaymarkError('PLG_BUSY', 'too many calls wait for the plugin: retry'),
    );

    await end('a');
    await first;
    await end('b');
    expect(await second).toBe('b');
  });

  it('passes the turn on when work fails', async () => {
    const { begun, work, end } = makeWork();
    const turns = new Turns({ inFlight: 1, queued: 1 });
    const failing = expect(turns.run(work('a'))).rejects.toThrow('broken');
    const next = turns.run(work('b'));

    await end('a', new Error('broken'));
    await failing;
    await end('b');

    expect(await next).toBe('b');
    expect(begun).toEqual(['a', 'b']);
  });

  it('lets whoever gives up leave the row', async () => {
    const { begun, work, end } = makeWork();
    const turns = new Turns({ inFlight: 1, queued: 1 });
    const first = turns.run(work('a'));
    const giving = new AbortController();
    const left = expect(turns.run(work('b'), giving.signal)).rejects.toThrow('gone');

    giving.abort(new Error('gone'));
    await left;
    const third = turns.run(work('c'));
    await end('a');
    await first;
    await end('c');
    await third;

    expect(begun).toEqual(['a', 'c']);
    await expect(turns.run(work('d'), giving.signal)).rejects.toThrow('gone');
    expect(begun).toEqual(['a', 'c']);
  });
});
