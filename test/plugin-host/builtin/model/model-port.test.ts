import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BoundService, openBound } from '../../../support/builtins.ts';
import { temporaryFolder } from '../../../support/git.ts';
import {
  eventStream,
  type ModelServer,
  openModelServer,
  sendError,
  startStream,
} from '../../../support/model-server.ts';
import { writePlugin } from '../../../support/plugins.ts';

const type = 'model.openai';
const messages = [{ role: 'user', content: 'Hello?' }];

/** A server part in the sandbox, that asks its host what the question says. */
const asking = `{
  'agent.query': async ({query}) => {
    const {name, ...params} = JSON.parse(query);
    if (name !== 'stream') return waymark.call(name, params);
    const {pieces: most, ...request} = params;
    const {streamId} = await waymark.call('host.model.execute_stream', request);
    const pieces = [];
    while (pieces.length < most && !pieces.at(-1)?.isDone) {
      pieces.push(await waymark.call('host.model.stream_read', {streamId}));
    }
    return pieces;
  },
}`;

let dir: string;
let server: ModelServer;
let bound: BoundService;
let honest: ModelServer['respond'];

beforeAll(async () => {
  dir = await temporaryFolder('waymark-plugins-');
  const manifest = { permissions: { model: true } };
  await writePlugin(dir, { manifest, methods: asking });
  await writePlugin(dir, { manifest: { ...manifest, id: 'ungranted' }, methods: asking });
  server = await openModelServer();
  honest = server.respond;
  bound = await openBound(
    { plugins: { example: { grants: ['model'] }, ungranted: {} } },
    { WAYMARK_PLUGINS_DIR: dir, WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1' },
  );
});
afterAll(async () => {
  await bound?.close();
  await server?.close();
  await rm(dir, { recursive: true });
  expect(server.faults).toEqual([]);
});
beforeEach(() => {
  server.respond = honest;
  server.asked.length = 0;
  bound.service.advance(60_000);
});

const ask = <T = unknown>(name: string, params: object = {}, pluginId = 'example') =>
  bound.call({
    pluginId,
    method: 'agent.query',
    params: { query: JSON.stringify({ name, messages, ...params }) },
  }) as Promise<T>;
const execute = (params?: object) => ask('host.model.execute', params);
const stream = (pieces = 100) => ask<{ text: string }[]>('stream', { pieces });

describe('an org without a model', () => {
  it('is told so, where its plugin was granted one', async () => {
    const told = { code: 'PLG_MODEL_UNAVAILABLE' };

    await expect(execute()).rejects.toMatchObject(told);
    await expect(stream()).rejects.toMatchObject(told);
  });
});

describe('an org with models', () => {
  beforeAll(async () => {
    const { endpoint, apiKey } = server;
    const credentials = { apiKey: apiKey! };
    const of = (model: string) => ({ type, config: { endpoint, model }, credentials });
    await bound.bind({
      integrations: {
        alpha: { ...of('off'), enabled: false },
        beta: of('small'),
        gamma: of('large'),
      },
    });
  });

  it('has the first by name that is on asked', async () => {
    expect(await execute()).toEqual({
      text: 'Hello.',
      model: 'small',
      usage: { inputTokens: 9, outputTokens: 2 },
    });
    expect(server.asked).toEqual([{ model: 'small', messages }]);
  });

  it('streams', async () => {
    const pieces = await stream();

    expect(pieces.map(({ text }) => text).join('')).toBe('Hello.');
    expect(pieces.at(-1)).toEqual({ text: '', isDone: true });
  });

  it('ends the connection of a stream that a call leaves open', async () => {
    const ended = Promise.withResolvers<void>();
    server.respond = (response) => {
      response.once('close', () => ended.resolve());
      const [first] = eventStream(['Hel']).toString().split('\n\n');
      startStream(response).write(`${first}\n\n`);
    };

    await expect(stream(1)).resolves.toMatchObject([{ isDone: false }]);

    await ended.promise;
  });

  it('tells the plugin what the model says', async () => {
    server.respond = (response) => sendError(response, 429, { code: 'rate_limit_exceeded' });

    const refusal = {
      code: 'INT_UPSTREAM_FAILED',
      details: { status: 429, reason: 'rate_limit_exceeded' },
    };
    await expect(execute()).rejects.toMatchObject(refusal);
    await expect(stream()).rejects.toMatchObject(refusal);
  });

  it('is asked by nobody who was not granted it', async () => {
    await expect(ask('host.model.execute', {}, 'ungranted')).rejects.toMatchObject({
      code: 'PLG_CALLBACK_REFUSED',
    });
    expect(server.asked).toEqual([]);
  });

  it('is asked 60 times a minute by one binding', async () => {
    for (let i = 0; i < 60; i++) await execute();

    await expect(execute()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(server.asked).toHaveLength(60);
  });
});
