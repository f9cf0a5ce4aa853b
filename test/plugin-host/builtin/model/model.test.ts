import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BoundService, openBound } from '../../../support/builtins.ts';
import {
  completion,
  eventStream,
  type ModelServer,
  openModelServer,
  sendError,
  startStream,
} from '../../../support/model-server.ts';

const type = 'model.openai';
const messages = [{ role: 'user', content: 'Hello?' }];
const usage = { inputTokens: 9, outputTokens: 2 };

let server: ModelServer;
let bound: BoundService;
let honest: ModelServer['respond'];

beforeAll(async () => {
  server = await openModelServer();
  honest = server.respond;
  const config = { endpoint: server.endpoint, model: 'small' };
  const credentials = { apiKey: server.apiKey! };
  bound = await openBound({
    integrations: { llm: { type, config, credentials }, open: { type, config } },
  });
});
afterAll(async () => {
  await bound?.close();
  await server?.close();
  expect(server.faults).toEqual([]);
});
beforeEach(() => {
  server.respond = honest;
  server.apiKey = 'sk-the-key';
  server.asked.length = 0;
  bound.service.advance(60_000);
});

const execute = (params: object = { messages }, name = 'llm') => bound.run(name, 'execute', params);

const callWithin = (deadlineMs: number, operation: string, params: object) =>
  bound.call({
    pluginId: 'model',
    binding: { scope: 'integration', id: 'llm' },
    method: 'integration.call',
    params: { operation, params },
    deadlineMs,
  });

interface Read {
  text: string;
  isDone: boolean;
}

const stream = async (params: object = { messages }) =>
  (await bound.run<{ streamId: string }>('llm', 'execute_stream', params)).streamId;
const read = (streamId: string) => bound.run<Read>('llm', 'stream_read', { streamId });

async function readAll(): Promise<Read[]> {
  const streamId = await stream();
  const pieces: Read[] = [];
  while (!pieces.at(-1)?.isDone) pieces.push(await read(streamId));
  return pieces;
}
const textOf = (pieces: readonly Read[]) => pieces.map(({ text }) => text).join('');

describe('execute', () => {
  it('asks the model of the integration, with its key', async () => {
    expect(await execute()).toEqual({ text: 'Hello.', model: 'small', usage });
    expect(server.asked).toEqual([{ model: 'small', messages }]);
  });

  it('asks what the caller says', async () => {
    const terms = { model: 'large', maxTokens: 5, temperature: 0.5 };

    expect(await execute({ messages, ...terms })).toMatchObject({ model: 'large' });
    expect(server.asked).toEqual([{ model: 'large', messages, max_tokens: 5, temperature: 0.5 }]);
  });

  it('sends no key where there is none', async () => {
    server.apiKey = undefined;

    expect(await execute({ messages }, 'open')).toMatchObject({ text: 'Hello.' });
  });

  it('calls the longest answer what a newer model calls it', async () => {
    server.respond = (response, body) => {
      if (!('max_tokens' in body)) return honest(response, body);
      sendError(response, 400, { code: 'unsupported_parameter', param: 'max_tokens' });
    };

    expect(await execute({ messages, maxTokens: 5 })).toMatchObject({ text: 'Hello.' });
    expect(server.asked[1]).toEqual({ model: 'small', messages, max_completion_tokens: 5 });
  });

  it('gives no text where the model says nothing', async () => {
    server.respond = (response) => response.end(JSON.stringify(completion('small', null)));

    expect(await execute()).toMatchObject({ text: '' });
  });

  it.each([
    [401, { code: 'invalid_api_key' }, 'invalid_api_key', false],
    [404, { code: 'model_not_found' }, 'model_not_found', false],
    [429, { code: null, type: 'insufficient_quota' }, 'insufficient_quota', true],
    [503, {}, undefined, true],
  ])('tells of %i by the word for it alone', async (status, error, reason, isRetryable) => {
    server.respond = (response) => sendError(response, status, error);

    await expect(execute()).rejects.toMatchObject({
      code: 'INT_UPSTREAM_FAILED',
      details: { status, ...(reason && { reason }) },
      message: `it answers ${status}${reason ? `: ${reason}` : ''}`,
      isRetryable,
    });
  });

  it.each(['no JSON', '[]', '{"choices":[]}', '{"choices":[{"message":"Hello."}]}'])(
    'takes no answer of another shape: %s',
    async (body) => {
      server.respond = (response) => response.end(body);

      await expect(execute()).rejects.toMatchObject({ code: 'INT_UPSTREAM_FAILED' });
    },
  );

  it('tells of a connection that broke off', async () => {
    server.respond = (response) =>
      response.write('{"choices"', () => response.destroy()) && undefined;

    await expect(execute()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('gives up in time, so that a slow model is not a broken plugin', async () => {
    server.respond = () => {};

    const late = callWithin(800, 'execute', { messages });

    await expect(late).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(bound.service.plugins.find('tools', 'model')?.health).toMatchObject({
      breaker: 'closed',
      restarts: 0,
    });
  });

  it('refuses what is no request', async () => {
    await expect(execute({ messages: [] })).rejects.toMatchObject({ code: 'VAL_FAILED' });
    expect(server.asked).toEqual([]);
  });
});

describe('execute_stream', () => {
  it('gives the answer as it is made, and at its end what it took', async () => {
    const pieces = await readAll();

    expect(textOf(pieces)).toBe('Hello.');
    expect(pieces.find((piece) => 'usage' in piece)).toMatchObject({ model: 'small', usage });
    expect(pieces.at(-1)).toEqual({ text: '', isDone: true });
    expect(server.asked).toEqual([
      { model: 'small', messages, stream: true, stream_options: { include_usage: true } },
    ]);
  });

  it('gives a piece before the next one is made', async () => {
    const words = eventStream(['Grüße', ' aus', ' Kyjiw 🚀']);
    const half = words.indexOf('Grü') + 3;
    let goOn = () => {};
    server.respond = (response) => {
      startStream(response).write(words.subarray(0, words.indexOf('\n\n') + 2));
      goOn = () => {
        // Within a letter, within a line.
        response.write(words.subarray(0, half).subarray(words.indexOf('\n\n') + 2), () =>
          response.end(words.subarray(half)),
        );
      };
    };
    const streamId = await stream();

    expect(await read(streamId)).toMatchObject({ text: '', isDone: false });
    goOn();
    const pieces = [await read(streamId)];
    while (!pieces.at(-1)?.isDone) pieces.push(await read(streamId));

    expect(textOf(pieces)).toBe('Grüße aus Kyjiw 🚀');
  });

  it.each([
    ['breaks off', (response: ServerResponse) => response.destroy(), 'UPSTREAM_FAILED'],
    ['ends too early', (response: ServerResponse) => response.end(), 'INT_UPSTREAM_FAILED'],
    [
      'says that it failed',
      (response: ServerResponse) => response.end('data: {"error":{"code":"server_error"}}\n\n'),
      'INT_UPSTREAM_FAILED',
    ],
    [
      'says what is no chunk',
      (response: ServerResponse) => response.end('data: {\n\n'),
      'INT_UPSTREAM_FAILED',
    ],
  ])('does not pass half an answer for a whole one: it %s', async (_, end, code) => {
    const first = eventStream(['Half']).toString().split('\n\n').slice(0, 2).join('\n\n');
    server.respond = (response) =>
      void startStream(response).write(`${first}\n\n`, () => end(response));
    const streamId = await stream();
    const all = async () => {
      while (!(await read(streamId)).isDone);
    };

    await expect(all()).rejects.toMatchObject({ code });
    await expect(read(streamId)).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('takes an end without [DONE], once the model has finished', async () => {
    const whole = eventStream(['Hello.']).toString().replace('data: [DONE]\n\n', '');
    server.respond = (response) => startStream(response).end(whole);

    expect(textOf(await readAll())).toBe('Hello.');
  });

  it('is refused as execute is', async () => {
    server.respond = (response) => sendError(response, 429, { code: 'rate_limit_exceeded' });

    await expect(stream()).rejects.toMatchObject({
      code: 'INT_UPSTREAM_FAILED',
      details: { status: 429, reason: 'rate_limit_exceeded' },
    });
  });

  it('ends the connection when it is closed', async () => {
    const ended = Promise.withResolvers<void>();
    server.respond = (response) => {
      response.once('close', () => ended.resolve());
      startStream(response).write(': wait\n\n');
    };
    const streamId = await stream();

    await bound.run('llm', 'stream_close', { streamId });

    await ended.promise;
    await expect(read(streamId)).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('gives up in time, and the connection with it', async () => {
    const ended = Promise.withResolvers<void>();
    server.respond = (response) => {
      response.once('close', () => ended.resolve());
      startStream(response).write(': wait\n\n');
    };
    const streamId = await stream();

    const late = callWithin(800, 'stream_read', { streamId });

    await expect(late).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    await ended.promise;
  });
});

describe('test, health and discover', () => {
  it('list the models', async () => {
    expect(await bound.test('llm')).toEqual({
      ok: true,
      checks: [{ name: 'models', ok: true, message: 'it lists 2, also small' }],
    });
    expect(await bound.health('llm')).toMatchObject({ status: 'healthy' });
    expect(await bound.discover('llm', 'model', { query: 'lar' })).toEqual([
      { id: 'large', name: 'large', type: 'model' },
    ]);
    expect(await bound.discover('llm', 'model', { page: 2 })).toEqual([]);
  });

  it('say what is wrong', async () => {
    server.apiKey = 'sk-another';

    expect(await bound.test('llm')).toMatchObject({
      ok: false,
      checks: [{ name: 'models', ok: false, message: 'it answers 401' }],
    });
    expect(await bound.health('llm')).toMatchObject({ status: 'unhealthy' });
  });
});
