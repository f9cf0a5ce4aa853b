import { describe, expect, it } from 'vitest';
import { jsonBody } from '../../src/http/json-body.ts';
import {
  BASE64,
  EMAIL,
  FINGERPRINT,
  NAME,
  NOT_BLANK,
  OID,
  ONE_LINE,
  PLAIN,
  sentenceOf,
} from '../../src/http/patterns.ts';
import { time } from '../../src/http/shapes.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { routeTables } from '../support/route-table.ts';

const said = (schema: object, value: unknown): string | undefined => {
  const body = jsonBody({ type: 'object', properties: { it: schema } });
  try {
    body.parse({ it: value });
    return undefined;
  } catch (error) {
    if (error instanceof WaymarkError) return error.message;
    throw error;
  }
};

describe('a text that does not match its pattern', () => {
  it.each([
    [NOT_BLANK, ' \n', 'it must not be blank'],
    [ONE_LINE, 'a\nb', 'it must be one line, without control characters'],
    [PLAIN, 'a\u001b[2J', 'it must have no control characters but tabs and line ends'],
    [EMAIL, 'ada', 'it must be an e-mail address'],
    [OID, 'main', 'it must be a full object id: 40 hexadecimal digits, in lower case'],
    [FINGERPRINT, 'ab12', 'it must be a fingerprint: 40 hexadecimal digits, in upper case'],
    [BASE64, '?', 'it must be base64'],
    [NAME, 'a--b', 'it must be lower-case letters, digits and single hyphens, 63 at most'],
  ])('%s is refused in words', (pattern, value, message) => {
    expect(said({ type: 'string', pattern }, value)).toBe(message);
  });

  it('is refused in words for both that a title must be', () => {
    const title = {
      type: 'string',
      allOf: [{ pattern: NOT_BLANK }, { pattern: ONE_LINE }],
    };

    expect(said(title, '\n')).toBe(
      'it must not be blank; it must be one line, without control characters',
    );
  });

  it.each([
    [PLAIN, 'two\nlines\tand a tab\r\n'],
    [ONE_LINE, ''],
    [EMAIL, 'ada@example.com'],
    [NAME, 'a'.repeat(63)],
  ])('is taken where it matches %s', (pattern, value) => {
    expect(said({ type: 'string', pattern }, value)).toBeUndefined();
  });
});

describe('a text that is no time', () => {
  it('is refused with one that is', () => {
    expect(said(time, 'tomorrow')).toBe('it must be a time, such as 2026-11-21T06:53:57Z');
  });
});

/** Every pattern that stands anywhere in a schema. */
function patternsIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === 'pattern' && typeof value === 'string' ? [value] : patternsIn(value),
  );
}

describe('every body of every route', () => {
  it('has only patterns that there are words for', async () => {
    const rows = (await routeTables()).flatMap((table) => table.rows);
    const found = new Set(rows.flatMap(({ body }) => patternsIn(body?.schema)));

    expect(found.size).toBeGreaterThan(5);
    expect([...found].filter((pattern) => !sentenceOf(pattern))).toEqual([]);
  });
});
