import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ParsePool, type UnparsedObject } from '../../src/registry/parse-pool.ts';
import { summariseObject } from '../../src/registry/summary.ts';
import { skill } from '../support/registry.ts';

let pool: ParsePool;
afterEach(() => pool.close());

const documents = (count: number, body = (i: number) => `body ${i}`): UnparsedObject[] =>
  Array.from({ length: count }, (_, i) => ({
    type: 'skill',
    path: `plugins/sales/skills/s${i}.yaml`,
    bytes: Buffer.from(i % 7 === 6 ? `a: [${i}` : skill(body(i))),
  }));
/** An escape is for the full reader. */
const hard = (count: number) => documents(count, (i) => `"body\\t${i}"`);
const alone = (all: readonly UnparsedObject[]) =>
  all.map(({ type, bytes, path }) => summariseObject(type, bytes, path));

describe('ParsePool.summarise', () => {
  it.each([
    ['few, at once', documents(10)],
    ['many plain ones, in turns', documents(350)],
    ['many others, on every core', hard(700)],
    ['both', [...documents(100), ...hard(100), ...documents(100)]],
  ])('answers %s, in order, faults included', async (_, all) => {
    pool = new ParsePool();

    expect(await pool.summarise(all)).toEqual(alone(all));
  });

  it('leaves a few large ones to a worker, so that nobody waits for them', async () => {
    pool = new ParsePool();
    const all = documents(4, () => `"${'x'.repeat(100_000)}"`);
    let turns = 0;
    const turning = setInterval(() => turns++, 1);

    const summaries = await pool.summarise(all);

    clearInterval(turning);
    expect(summaries).toEqual(alone(all));
    expect(turns).toBeGreaterThan(0);
  });

  it('takes turns with whatever else is to be done', async () => {
    pool = new ParsePool();
    const all = documents(2_000).filter((_, i) => i % 7 !== 6);
    let turns = 0;
    const turning = setInterval(() => turns++, 1);

    await pool.summarise(all);

    clearInterval(turning);
    expect(turns).toBeGreaterThan(0);
  });

  it('serves callers at the same time', async () => {
    pool = new ParsePool();
    const sets = [documents(100), hard(200), documents(300)];

    const answers = await Promise.all(sets.map((all) => pool.summarise(all)));

    expect(answers.map(({ length }) => length)).toEqual([100, 200, 300]);
    expect(answers[0]).toEqual(alone(sets[0]!));
  });

  it('fails what is asked when it is closed, and starts again when asked', async () => {
    pool = new ParsePool();
    const asked = pool.summarise(documents(70, () => `'${'x'.repeat(20_000)}'`));
    await setImmediate();
    pool.close();

    await expect(asked).rejects.toThrow('a parse worker ended');
    expect(await pool.summarise(documents(100))).toHaveLength(100);
  });
});
