import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** After OpenAI's API reference, "Create chat completion": what Waymark may send of it. */
const REQUEST = {
  type: 'object',
  required: ['model', 'messages'],
  additionalProperties: false,
  properties: {
    model: { type: 'string' },
    messages: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['role', 'content'],
        properties: {
          role: { enum: ['developer', 'system', 'user', 'assistant', 'tool', 'function'] },
        },
      },
    },
    max_tokens: { type: 'integer' },
    max_completion_tokens: { type: 'integer' },
    temperature: { type: 'number', minimum: 0, maximum: 2 },
    stream: { type: 'boolean' },
    stream_options: {
      type: 'object',
      additionalProperties: false,
      properties: { include_usage: { type: 'boolean' } },
    },
  },
  // "Only set this when you set `stream: true`."
  dependentSchemas: { stream_options: { properties: { stream: { const: true } } } },
};

const isRequest = new Ajv2020({ strict: false }).compile(REQUEST);

/** Whatever speaks as OpenAI does, below `/v1`. */
export interface ModelServer {
  endpoint: string;
  apiKey: string | undefined;
  models: string[];
  /** Bodies of completions that were asked for. */
  asked: Record<string, unknown>[];
  /** What was asked otherwise than the API has it: a test expects none. */
  faults: string[];
  /** Replaced for another answer to a completion. */
  respond: (response: ServerResponse, body: Record<string, unknown>) => void;
  close(): Promise<void>;
}

const USAGE = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 };
const HEAD = { id: 'chatcmpl-1', created: 1_740_000_000, system_fingerprint: 'fp_1' };

/** The object of a whole answer. */
export const completion = (model: string, content: string | null): object => ({
  ...HEAD,
  object: 'chat.completion',
  model,
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: USAGE,
});

const chunk = (model: string, choices: object[], usage: object | null = null) => ({
  ...HEAD,
  object: 'chat.completion.chunk',
  model,
  choices,
  usage,
});

/** The bytes of a stream that says these words, up to `[DONE]`. */
export function eventStream(words: readonly string[], model = 'small'): Buffer {
  const choice = (delta: object, finish_reason: string | null = null) =>
    chunk(model, [{ index: 0, delta, logprobs: null, finish_reason }]);
  const chunks = [
    choice({ role: 'assistant', content: '' }),
    ...words.map((content) => choice({ content })),
    choice({}, 'stop'),
    chunk(model, [], USAGE),
  ];
  const events = chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`);
  return Buffer.from(`${events.join('')}data: [DONE]\n\n`);
}

export function sendError(response: ServerResponse, status: number, error: object): void {
  const whole = { message: 'It says why, and for which key.', type: null, param: null, ...error };
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: whole }));
}

export const startStream = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });

export async function openModelServer(): Promise<ModelServer> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers } = request;
    const body = await text(request);
    const expected = server.apiKey === undefined ? undefined : `Bearer ${server.apiKey}`;
    if (headers.authorization !== expected) {
      return sendError(response, 401, { code: 'invalid_api_key', type: 'invalid_request_error' });
    }
    if (method === 'GET' && url === '/v1/models') {
      const data = server.models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'a' }));
      return void response.end(JSON.stringify({ object: 'list', data }));
    }
    if (method !== 'POST' || url !== '/v1/chat/completions') {
      server.faults.push(`${method} ${url}`);
      return sendError(response, 404, { code: 'unknown_url' });
    }
    const asked = JSON.parse(body) as Record<string, unknown>;
    if (headers['content-type'] !== 'application/json') server.faults.push('content-type');
    if (!isRequest(asked)) server.faults.push(JSON.stringify(isRequest.errors));
    server.asked.push(asked);
    server.respond(response, asked);
  };
  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      server.faults.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: ModelServer = {
    endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`,
    apiKey: 'sk-the-key',
    models: ['small', 'large'],
    asked: [],
    faults: [],
    respond: (response, { model, stream }) => {
      if (stream) startStream(response).end(eventStream(['Hel', 'lo.'], String(model)));
      else response.end(JSON.stringify(completion(String(model), 'Hello.')));
    },
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}
