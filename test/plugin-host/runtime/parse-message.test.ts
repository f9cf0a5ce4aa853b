import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadMessage, parseMessage } from '../../../src/plugin-host/runtime/parse-message.ts';

describe('parseMessage', () => {
  it('reads an answer, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (result) => {
        const sent = JSON.parse(JSON.stringify(result)) as unknown;

        expect(parseMessage(JSON.stringify({ id: 7, ok: true, result }))).toEqual({
          kind: 'result',
          id: 7,
          result: sent,
        });
      }),
    );
  });

  it('takes no result for null', () => {
    expect(parseMessage('{"id":1,"ok":true}')).toMatchObject({ kind: 'result', result: null });
  });

  it('reads a callback', () => {
    expect(parseMessage('{"id":1,"method":"host.log","params":{"a":1}}')).toEqual({
      kind: 'callback',
      id: 1,
      method: 'host.log',
      params: { a: 1 },
    });
  });

  it('keeps of an error what may be known of one', () => {
    const error = { code: 'A', message: 'b', http_status: 409, retryable: 'yes', details: [1] };

    expect(parseMessage(JSON.stringify({ id: 1, ok: false, error }))).toMatchObject({
      kind: 'fault',
      fault: { code: 'A', message: 'b', httpStatus: 409, isRetryable: false, details: undefined },
    });
  });

  it('cuts an error short, whatever has become of the side that should have', () => {
    const error = {
      code: 'c'.repeat(1e6),
      message: 'm'.repeat(1e6),
      details: { d: 'd'.repeat(1e6) },
    };

    expect(parseMessage(JSON.stringify({ id: 1, ok: false, error }))).toMatchObject({
      fault: { code: 'c'.repeat(100), message: 'm'.repeat(2000), details: undefined },
    });
  });

  it.each([
    ['', 'it is no JSON'],
    ['{', 'it is no JSON'],
    ['null', 'it is no JSON object'],
    ['[]', 'it is no JSON object'],
    ['"x"', 'it is no JSON object'],
    ['{}', 'it has no id'],
    ['{"id":"1","ok":true}', 'it has no id'],
    ['{"id":1.5,"ok":true}', 'it has no id'],
    ['{"id":1}', 'it is neither an answer nor a callback'],
    ['{"id":1,"ok":"true"}', 'it is neither an answer nor a callback'],
    ['{"id":1,"method":"host.log"}', 'it is neither an answer nor a callback'],
    ['{"id":1,"method":"host.log","params":[]}', 'it is neither an answer nor a callback'],
    ['{"id":1,"ok":false}', 'its error is no object'],
    ['{"id":1,"ok":false,"error":{"code":1,"message":"x"}}', 'its error has no code and message'],
  ])('refuses %j', (text, message) => {
    expect(() => parseMessage(text)).toThrow(new BadMessage(message));
  });

  it('throws nothing but that', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        try {
          parseMessage(text);
        } catch (error) {
          expect(error).toBeInstanceOf(BadMessage);
        }
      }),
    );
  });
});
