import { describe, expect, it } from 'vitest';
import { Semaphore } from '../../src/git/semaphore.ts';

describe('acquire', () => {
  it('lets in as many as there are slots, then in the order of asking', async () => {
    const semaphore = new Semaphore(2, 10);
    const order: string[] = [];
    const enter = (name: string) =>
      semaphore.acquire()?.then((release) => {
        order.push(name);
        return release;
      });

    const first = await enter('first');
    const second = await enter('second');
    const third = enter('third');
    const fourth = enter('fourth');
    await Promise.resolve();
    expect(order).toEqual(['first', 'second']);

    second?.();
    (await third)?.();
    first?.();
    await fourth;

    expect(order).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('turns away one more than may wait', async () => {
    const semaphore = new Semaphore(1, 1);
    const release = await semaphore.acquire();
    const waiting = semaphore.acquire();

    expect(semaphore.acquire()).toBeUndefined();

    release?.();
    (await waiting)?.();
    expect(semaphore.acquire()).toBeDefined();
  });
});
