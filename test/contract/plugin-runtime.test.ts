import { describe, expect, it } from 'vitest';
import {
  IMPATIENT,
  inOwnProcess,
  inSandbox,
  inThisProcess,
  PATIENT,
  type StartGuest,
} from '../support/guests.ts';

/** Waits for its host's permission to go on, which never comes unless the host gives it. */
const WAITS = `() => waymark.call('host.wait')`;

function contract(name: string, start: StartGuest): void {
  describe(`PluginRuntime (${name})`, () => {
    it('answers with what the method gives, awaited', async () => {
      const guest = await start(`{
        'plugin.health': () => ({ status: 'ok' }),
        'tool.call': async ({ name }) => ({ content: [name, null, 1.5, 'ä€😀'] }),
      }`);

      const health = await guest.call('plugin.health', {}, PATIENT);
      const result = await guest.call('tool.call', { name: 'x' }, PATIENT);

      expect(health).toEqual({ status: 'ok' });
      expect(result).toEqual({ content: ['x', null, 1.5, 'ä€😀'] });
    });

    it('answers null for nothing, and leaves out what JSON has not', async () => {
      const guest = await start(`{
        'hook.handle': () => {},
        'tool.call': () => ({ a: undefined, b: () => 1, c: NaN, d: new Date(0) }),
      }`);

      const nothing = await guest.call('hook.handle', {}, PATIENT);
      const result = await guest.call('tool.call', {}, PATIENT);

      expect(nothing).toBeNull();
      expect(result).toEqual({ c: null, d: '1970-01-01T00:00:00.000Z' });
    });

    it('shares no object with the guest', async () => {
      const guest = await start(`{
        'tool.call': (params) => { params.list.push(2); return params; },
      }`);
      const params = { list: [1] };

      const result = await guest.call('tool.call', params, PATIENT);

      expect(params).toEqual({ list: [1] });
      expect(result).toEqual({ list: [1, 2] });
    });

    it('says how long a call may take', async () => {
      const guest = await start(`{ 'tool.call': (_, { deadlineMs }) => deadlineMs }`);

      expect(await guest.call('tool.call', {}, PATIENT)).toBe(PATIENT.deadlineMs);
    });

    it('gives each of many calls its own answer', async () => {
      const guest = await start(`{
        'tool.call': async ({ i }) => { await waymark.call('host.x'); return i; },
      }`);
      const numbers = Array.from({ length: 50 }, (_, i) => i);

      const answers = numbers.map((i) => guest.call('tool.call', { i }, PATIENT));

      expect(await Promise.all(answers)).toEqual(numbers);
    });

    it('names no method that is only inherited', async () => {
      const guest = await start(`{}`);

      const answer = guest.call('toString' as 'tool.call', {}, PATIENT);

      await expect(answer).rejects.toMatchObject({
        name: 'WaymarkError',
        code: 'PLG_METHOD_UNSUPPORTED',
      });
    });

    describe('callbacks', () => {
      it('act for the call that they are made in, also after an await', async () => {
        const guest = await start(`{
          'tool.call': async () => {
            await waymark.call('host.first');
            await null;
            return waymark.call('host.second', { a: 1 });
          },
          'hook.handle': () => waymark.call('host.third'),
        }`);

        const answers = await Promise.all([
          guest.call('tool.call', { context: { host_callback_id: 'one' } }, PATIENT),
          guest.call('hook.handle', { context: { host_callback_id: 'two' } }, PATIENT),
          guest.call('tool.call', { host_callback_id: 'three' }, PATIENT),
        ]);

        expect(answers).toEqual([
          { name: 'host.second', params: { a: 1, host_callback_id: 'one' } },
          { name: 'host.third', params: { host_callback_id: 'two' } },
          { name: 'host.second', params: { a: 1, host_callback_id: 'three' } },
        ]);
      });

      it('keep the id that the guest gives', async () => {
        const guest = await start(`{
          'tool.call': () => waymark.call('host.x', { host_callback_id: 'mine' }),
        }`);

        const answer = await guest.call('tool.call', { host_callback_id: 'its' }, PATIENT);

        expect(answer).toMatchObject({ params: { host_callback_id: 'mine' } });
      });

      it('that are refused can be caught, with code and details', async () => {
        const { PluginFault } = await import('../../src/plugin-host/contract/fault.ts');
        const host = async () => {
          throw new PluginFault({ code: 'NO', message: 'not now', details: { after: 5 } });
        };
        const guest = await start(
          `{
            'tool.call': () => waymark.call('host.x').catch((error) =>
              [error instanceof Error, error.code, error.message, error.details]),
          }`,
          { host },
        );

        const answer = await guest.call('tool.call', {}, PATIENT);

        expect(answer).toEqual([true, 'NO', 'not now', { after: 5 }]);
      });

      it('tell nothing of a bug of the host', async () => {
        const host = async () => {
          throw new Error('connect ECONNREFUSED 10.0.0.1:5432');
        };
        const guest = await start(
          `{ 'tool.call': () => waymark.call('host.x').catch(({ code, message }) => [code, message]) }`,
          { host },
        );

        const answer = await guest.call('tool.call', {}, PATIENT);

        expect(answer).toEqual(['INTERNAL', 'internal error']);
      });

      // RFC 4231, test case 2, and the like.
      it('that need no round trip are answered at once', async () => {
        const guest = await start(`{
          'tool.call': () => [
            waymark.callSync('host.url.parse', { url: '/b?c', base: 'https://a.example' }).href,
            waymark.callSync('host.crypto.sha256', { data: 'abc' }).digest.slice(0, 8),
            waymark.callSync('host.crypto.hmac', { key: 'Jefe', data: 'what do ya want for nothing?' })
              .digest.slice(0, 8),
            waymark.callSync('host.crypto.random', { bytes: 16 }).base64.length,
          ],
        }`);

        const answer = await guest.call('tool.call', {}, PATIENT);

        expect(answer).toEqual(['https://a.example/b?c', 'ba7816bf', '5bdcc146', 24]);
      });

      it('are refused by code where they are wrong', async () => {
        const guest = await start(`{
          'tool.call': ({ name, params }) => {
            try { return waymark.callSync(name, params); } catch ({ code }) { return code; }
          },
        }`);
        const code = (name: string, params = {}) =>
          guest.call('tool.call', { name, params }, PATIENT);

        expect(await code('host.url.parse', { url: 'nope' })).toBe('VAL_FAILED');
        expect(await code('host.crypto.sha256')).toBe('VAL_FAILED');
        expect(await code('host.crypto.hmac', { key: 'k', data: 'd', algorithm: 'md5' })).toBe(
          'VAL_FAILED',
        );
        expect(await code('host.crypto.random', { bytes: -1 })).toBe('VAL_FAILED');
        expect(await code('host.kv.get')).toBe('PLG_METHOD_UNSUPPORTED');
        expect(await code('__proto__')).toBe('PLG_METHOD_UNSUPPORTED');
      });
    });

    describe('errors', () => {
      it('with code and message are the plugin’s own words', async () => {
        const guest = await start(`{
          'api.handle': () => {
            throw { code: 'TAKEN', message: 'the name is taken', http_status: 409,
              retryable: true, details: { name: 'x' } };
          },
          'tool.call': () => { throw Object.assign(new Error('no'), { code: 'NO' }); },
        }`);

        await expect(guest.call('api.handle', {}, PATIENT)).rejects.toMatchObject({
          name: 'PluginFault',
          code: 'TAKEN',
          message: 'the name is taken',
          httpStatus: 409,
          isRetryable: true,
          details: { name: 'x' },
        });
        await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
          code: 'NO',
          message: 'no',
          isRetryable: false,
          httpStatus: undefined,
        });
      });

      it('of any other kind are a bug, told with where it is', async () => {
        const guest = await start(`{ 'tool.call': () => { null.x; } }`);

        await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
          name: 'PluginFault',
          code: 'PLG_HANDLER_ERROR',
          httpStatus: undefined,
          message: expect.stringMatching(/^TypeError: /),
          details: { stack: expect.stringContaining('tool.call') },
        });
      });

      it.each([
        ['null', 'null'],
        ['undefined', 'undefined'],
        ['5', '5'],
        ['Symbol("s")', 'Symbol(s)'],
        ['{ code: 5, message: "x" }', '[object Object]'],
        ['{ get code() { throw 1; } }', '[object Object]'],
        ['Object.create(null)', 'it threw what cannot be read'],
      ])('may be %s', async (thrown, message) => {
        const guest = await start(`{ 'tool.call': () => { throw ${thrown}; } }`);

        await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
          code: 'PLG_HANDLER_ERROR',
          message,
        });
      });

      it.each([399, 600, 409.5, '409'])('do not choose the status %j', async (status) => {
        const guest = await start(`{
          'tool.call': ({ status }) => {
            throw { code: 'A', message: 'b', http_status: status };
          },
        }`);

        await expect(guest.call('tool.call', { status }, PATIENT)).rejects.toMatchObject({
          code: 'A',
          httpStatus: undefined,
        });
      });

      it.each([
        ['a cycle', 'const a = {}; a.a = a; return a;'],
        ['a BigInt', 'return 1n;'],
        ['a getter that throws', 'return { get x() { throw new Error("no"); } };'],
      ])('of what is no JSON: %s', async (_what, body) => {
        const guest = await start(`{
          'tool.call': () => { ${body} },
          'plugin.health': () => 'alive',
        }`);

        await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
          name: 'WaymarkError',
          code: 'PLG_BAD_RESPONSE',
        });
        expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
      });
    });

    describe('time', () => {
      it('ends a call at its deadline; who heeds the signal lives on', async () => {
        const guest = await start(
          `{
            'tool.call': (_, { signal }) => new Promise((resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            }),
            'plugin.health': () => 'alive',
          }`,
          { graceMs: 60_000 },
        );

        await expect(guest.call('tool.call', {}, IMPATIENT)).rejects.toMatchObject({
          name: 'WaymarkError',
          code: 'PLG_TIMEOUT',
        });
        expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
      });

      it('ends a guest that does not heed the signal, and all its calls', async () => {
        const guest = await start(`{ 'tool.call': ${WAITS}, 'hook.handle': ${WAITS} }`, {
          host: () => new Promise(() => {}),
          graceMs: 50,
        });

        const [late, other] = await Promise.allSettled([
          guest.call('tool.call', {}, IMPATIENT),
          guest.call('hook.handle', {}, PATIENT),
        ]);
        const end = await guest.ended;

        expect(late).toMatchObject({ reason: { code: 'PLG_TIMEOUT' } });
        expect(other).toMatchObject({ reason: { code: 'PLG_RESTARTED' } });
        expect(end.cause).toBe('timeout');
      });

      it('tells the guest when its caller goes, before or after the call begins', async () => {
        const guest = await start(
          `{
          'tool.call': (_, { signal }) => signal.aborted ? 'gone' : new Promise((resolve) => {
            waymark.call('host.begun');
            signal.addEventListener('abort', () => resolve('gone'));
          }),
        }`,
          { host: async () => controller.abort() },
        );
        const controller = new AbortController();
        const terms = { ...PATIENT, signal: controller.signal };

        expect(await guest.call('tool.call', {}, terms)).toBe('gone');
        expect(await guest.call('tool.call', {}, terms)).toBe('gone');
      });
    });

    describe('close', () => {
      it('ends all calls at once, and takes no more', async () => {
        const guest = await start(`{ 'tool.call': ${WAITS} }`, {
          host: async () => guest.close(),
        });

        const pending = guest.call('tool.call', {}, PATIENT);

        await expect(pending).rejects.toMatchObject({ code: 'PLG_RESTARTED' });
        expect(await guest.ended).toEqual({ cause: 'closed', message: 'it was closed' });
        await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
          code: 'PLG_RESTARTED',
        });
      });
    });
  });
}

contract('sandbox', inSandbox);
contract('process', inOwnProcess);
contract('in-process', inThisProcess);
