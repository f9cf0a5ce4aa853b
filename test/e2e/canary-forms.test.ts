import { describe, expect, it } from 'vitest';
import { Canaries } from '../support/canaries.ts';

describe('a canary', () => {
  const value = 'canary-0123456789+/?';
  const canaries = new Canaries();
  canaries.add('it', value);
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it.each([
    ['plain', `a password: ${value}.`],
    ['hex', Buffer.from(`x:${value}`).toString('hex')],
    ['hex', Buffer.from(value).toString('hex').toUpperCase()],
    ['base64', base64(value)],
    ['base64', base64(`x:${value}`)],
    ['base64', base64(`{"password":"${value}"}`)],
    ['base64', base64(`user:${value}:`)],
  ])('is found as %s in %s', (form, text) => {
    const exhibit = { from: 'a log', bytes: Buffer.from(text) };

    expect(canaries.leaksIn([exhibit])).toEqual([`it in a log as ${form}`]);
  });
});
