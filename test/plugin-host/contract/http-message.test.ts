import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WaymarkError } from '../../../src/model/errors.ts';
import {
  decodeAnswer,
  encodeRequest,
  inert,
  type PlainRequest,
} from '../../../src/plugin-host/contract/http-message.ts';

const place = {
  path: '/api/v1/plugin/example/items/7',
  roots: ['/api/v1/plugin/example', '/v0/resource/plugins/example'],
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const decode = (answer: unknown) => decodeAnswer(answer, place);

/** The code and message of what is thrown. */
function refusalOf(answer: unknown): [string, string] | undefined {
  try {
    decode(answer);
    return undefined;
  } catch (error) {
    if (error instanceof WaymarkError) return [error.code, error.message];
    throw error;
  }
}

function encode(part: Partial<PlainRequest>) {
  const plain = { method: 'POST', path: '/a', headers: {}, body: Buffer.alloc(0) };
  return encodeRequest({ ...plain, query: new URLSearchParams(), ...part });
}

describe('encodeRequest', () => {
  it('passes method, path, query and body on as they are', () => {
    const query = new URLSearchParams('a=1&b=%C3%A4&a=2&__proto__=x&empty');
    const body = Buffer.from([0, 255, 10]);

    const { Method, Path, Query, Body } = encode({ method: 'PATCH', path: '/a/b', query, body });

    expect([Method, Path, Body]).toEqual(['PATCH', '/a/b', 'AP8K']);
    expect(Object.entries(Query)).toEqual([
      ['a', ['1', '2']],
      ['b', ['ä']],
      ['__proto__', ['x']],
      ['empty', ['']],
    ]);
  });

  it('names headers canonically, each with a list', () => {
    const headers = { 'content-type': ['text/plain'], 'x-request-id': ['1'], accept: ['a', 'b'] };

    expect(encode({ headers }).Headers).toEqual({
      'Content-Type': ['text/plain'],
      'X-Request-Id': ['1'],
      Accept: ['a', 'b'],
    });
  });

  it.each([
    'authorization',
    'cookie',
    'x-api-key',
    'x-management-key',
    'x-csrf-token',
    'proxy-authorization',
    'proxy-connection',
    'x-forwarded-for',
    'x-forwarded-proto',
    'connection',
    'keep-alive',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
  ])('keeps %s back', (name) => {
    expect(encode({ headers: { [name]: ['x'], 'idempotency-key': ['1'] } }).Headers).toEqual({
      'Idempotency-Key': ['1'],
    });
  });

  it('keeps back what the connection names', () => {
    const headers = { connection: ['close, X-Hop'], 'x-hop': ['1'], 'x-own': ['2'] };

    expect(encode({ headers }).Headers).toEqual({ 'X-Own': ['2'] });
  });

  it('has no body where there is none', () => {
    expect(encode({}).Body).toBe('');
  });
});

describe('decodeAnswer', () => {
  it.each([
    [undefined, 200],
    [null, 200],
    [0, 200],
    [200, 200],
    [418, 418],
    [599, 599],
  ])('takes the status %s for %s', (StatusCode, status) => {
    expect(decode({ StatusCode }).status).toBe(status);
  });

  it.each([99, 100, 199, 600, -1, 200.5, '200', true])('refuses the status %s', (StatusCode) => {
    expect(refusalOf({ StatusCode })).toEqual([
      'PLG_BAD_RESPONSE',
      'StatusCode is no status from 200 to 599',
    ]);
  });

  it('reads its fields in any case', () => {
    expect(decode({ statuscode: 201, HEADERS: { etag: '"1"' }, body: base64('x') })).toEqual({
      status: 201,
      headers: { etag: '"1"', 'content-type': 'text/plain; charset=utf-8' },
      body: Buffer.from('x'),
    });
  });

  it.each([undefined, null, ''])('takes the body %j for none', (Body) => {
    expect(decode({ Body })).toEqual({ status: 200, headers: {}, body: Buffer.alloc(0) });
  });

  it.each(['abc', 'YWI', 'YWI=\n', ' YWI=', 'YWJ=', 'a-_b', '====', 'YWI==', 'ä'])(
    'refuses the body "%s", which is no standard base64',
    (Body) => {
      expect(refusalOf({ Body })).toEqual(['PLG_BAD_RESPONSE', 'Body is no standard base64']);
    },
  );

  it('refuses a body of another type, and one that is too large', () => {
    const Body = Buffer.alloc(4 * 1024 * 1024 + 1).toString('base64');

    expect(refusalOf({ Body: 7 })).toEqual(['PLG_BAD_RESPONSE', 'Body is no text']);
    expect(refusalOf({ Body })).toEqual(['PLG_BAD_RESPONSE', 'Body is too large']);
  });

  it('gives every body back byte by byte', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const Body = Buffer.from(bytes).toString('base64');

        expect(decode({ Body }).body.equals(bytes)).toBe(true);
      }),
    );
  });

  it.each([null, 'text', 7, []])('refuses %j, which is no answer', (answer) => {
    expect(refusalOf(answer)?.[0]).toBe('PLG_BAD_RESPONSE');
  });

  it('lets out what is allowed, by text or list', () => {
    const Headers = {
      'Content-Type': 'image/png',
      'content-disposition': ['inline'],
      'Content-Language': ['de', 'en'],
      'Cache-Control': ['no-cache', 'private'],
      ETag: '"1"',
      'Last-Modified': 'Sat, 21 Nov 2026 06:53:57 GMT',
      'Retry-After': '5',
      Vary: 'Accept',
      'X-Plugin-Trace': '7',
    };

    expect(decode({ Headers }).headers).toEqual({
      'content-type': 'image/png',
      'content-disposition': 'inline',
      'content-language': 'de, en',
      'cache-control': 'no-cache, private',
      etag: '"1"',
      'last-modified': 'Sat, 21 Nov 2026 06:53:57 GMT',
      'retry-after': '5',
      vary: 'Accept',
      'x-plugin-trace': '7',
    });
  });

  it.each([
    'Set-Cookie',
    'Content-Length',
    'Content-Encoding',
    'Transfer-Encoding',
    'Connection',
    'Content-Security-Policy',
    'Access-Control-Allow-Origin',
    'X-Waymark-Plugin',
    'X-Waymark-Error',
    'X-Content-Type-Options',
    'WWW-Authenticate',
    '__proto__',
  ])('lets no %s out', (name) => {
    expect(decode({ Headers: JSON.parse(`{"${name}": "x"}`) }).headers).toEqual({});
  });

  it.each(['a\r\nSet-Cookie: x=1', 'a\nb', 'a\0b', 'ä→'])('refuses the value %j', (value) => {
    expect(refusalOf({ Headers: { 'X-Plugin-A': value } })).toEqual([
      'PLG_BAD_RESPONSE',
      'Headers.X-Plugin-A is no header’s value',
    ]);
  });

  it('does not repeat all of a name that it refuses', () => {
    const Headers = { ['x'.repeat(1e6)]: 7 };

    expect(refusalOf({ Headers })?.[1]).toBe(`Headers.${'x'.repeat(492)}`);
  });

  it('refuses more than 64 headers, more than 16 KiB of them, and what is none', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x-plugin-${i}`, '']));
    const large = { 'x-plugin-a': 'x'.repeat(9000), 'x-plugin-b': 'x'.repeat(9000) };

    for (const Headers of [many, large]) {
      expect(refusalOf({ Headers })).toEqual([
        'PLG_BAD_RESPONSE',
        'Headers are more than 64, or 16384 bytes',
      ]);
    }
    expect(refusalOf({ Headers: [] })?.[1]).toBe('Headers is no object');
    expect(refusalOf({ Headers: { vary: 7 } })?.[1]).toBe('Headers.vary is no list');
    expect(refusalOf({ Headers: { vary: [7] } })?.[1]).toBe('Headers.vary[0] is no text');
  });

  it.each([
    ['{"a":1}', 'application/json; charset=utf-8'],
    [' \n[1]', 'application/json; charset=utf-8'],
    ['<p>', 'text/plain; charset=utf-8'],
    ['7', 'text/plain; charset=utf-8'],
  ])('says of %j without a type that it is %s', (text, type) => {
    expect(decode({ Body: base64(text) }).headers['content-type']).toBe(type);
  });

  it.each([204, 205, 304])('sends no body with %s', (StatusCode) => {
    const { headers, body } = decode({ StatusCode, Headers: { etag: '"1"' }, Body: base64('x') });

    expect([headers, body.length]).toEqual([{ etag: '"1"' }, 0]);
  });

  it.each([
    ['8', '/api/v1/plugin/example/items/8'],
    ['../other?a=1#b', '/api/v1/plugin/example/other?a=1#b'],
    ['/api/v1/plugin/example/items/', '/api/v1/plugin/example/items/'],
    ['/v0/resource/plugins/example/page', '/v0/resource/plugins/example/page'],
  ])('lets a redirect to %s stay in the plugin', (Location, location) => {
    expect(decode({ StatusCode: 302, Headers: { Location } }).headers).toEqual({ location });
  });

  it.each([
    'https://evil.example/api/v1/plugin/example/a',
    '//evil.example/api/v1/plugin/example/a',
    '/\\evil.example/api/v1/plugin/example/a',
    'http://user@plugin.invalid/api/v1/plugin/example/a',
    'javascript:alert(1)',
    '/api/v1/plugin/example',
    '/api/v1/plugin/example-2/a',
    '/api/v1/plugin/example/../other/a',
    '/api/v1/plugin/example/%2e%2e/other/a',
    '../../../session',
    '/',
    'http://[',
  ])('lets no redirect lead to %s', (Location) => {
    expect(decode({ StatusCode: 302, Headers: { Location } })).toMatchObject({
      status: 302,
      headers: {},
    });
  });
});

describe('inert', () => {
  const answer = (type: string, text: string) =>
    inert({ status: 200, headers: { 'content-type': type }, body: Buffer.from(text) });

  it('leaves no markup in the bytes of JSON, and its values as they are', () => {
    const value = { name: '<b>&amp;</b>', deep: [{ '<script>': '\u2028\u2029 ä' }], n: 1e3 };

    const { body } = answer('application/json', JSON.stringify(value));

    expect(body.toString()).not.toMatch(/[<>&\u2028\u2029]/);
    expect(JSON.parse(body.toString())).toEqual(value);
  });

  it.each([
    'application/json',
    'application/problem+json; charset=utf-8',
    'text/plain',
    'text/html',
  ])('does so with a whole JSON text that is said to be %s', (type) => {
    expect(answer(type, '{"a":"<b>"}').body.toString()).toBe('{"a":"\\u003cb\\u003e"}');
  });

  it.each([
    ['text/html', '<b>&amp;</b>'],
    ['text/html', '[see <b>this</b>]'],
    ['text/plain', '{a < b}'],
    ['application/json', '1.0'],
  ])('leaves %s such as %s as it is', (type, text) => {
    expect(answer(type, text).body.toString()).toBe(text);
  });

  it('leaves all else of JSON byte by byte, whatever it is', () => {
    const body = Buffer.from([0x22, 0xff, 0xe2, 0x80, 0xa7, 0x3c, 0x22]);

    const sent = inert({ status: 200, headers: { 'content-type': 'application/json' }, body });

    expect(sent.body.toString('latin1')).toBe('"\xff\xe2\x80\xa7\\u003c"');
  });

  it('keeps every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { body } = answer('application/json', JSON.stringify(value));

        expect(JSON.parse(body.toString())).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
