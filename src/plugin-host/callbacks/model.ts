import { randomUUID } from 'node:crypto';
import { invalidField, WaymarkError } from '../../model/errors.ts';
import { type CallRecord, checkGranted } from './call-records.ts';
import type { ModelCall, ModelPiece, ModelPort, ModelRequest } from './model-port.ts';
import { isMap, maybeNumberIn, maybeTextIn, type Params, textIn } from './params.ts';

const MOST_MESSAGES = 1000;
const MOST_TOKENS = 1_000_000;
const MOST_STREAMS = 8;

interface Stream {
  record: CallRecord;
  pieces: AsyncIterator<ModelPiece>;
  closing: AbortController;
}

/** The org's language model, by the integration that an admin configured. */
export function modelCallbacks(model: ModelPort | undefined) {
  const streams = new Map<string, Stream>();

  function portFor(record: CallRecord): ModelPort {
    checkGranted(record, 'model');
    if (model) return model;
    throw new WaymarkError('PLG_MODEL_UNAVAILABLE', 'the org has no integration of a model');
  }

  function streamIn(record: CallRecord, params: Params): [string, Stream] {
    const id = textIn(params, 'streamId', 64);
    const stream = streams.get(id);
    if (stream?.record === record) return [id, stream];
    const message = 'streamId names no open stream of this call';
    throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
  }

  function close(id: string): void {
    const stream = streams.get(id);
    streams.delete(id);
    stream?.closing.abort(streamClosed());
    // Not awaited: it may hang until the model's own end.
    stream?.pieces.return?.().catch(() => {});
  }

  return {
    'host.model.execute': async (record: CallRecord, params: Params, signal: AbortSignal) =>
      portFor(record).execute(callOf(record, signal), requestIn(params)),

    'host.model.execute_stream': async (
      record: CallRecord,
      params: Params,
      signal: AbortSignal,
    ) => {
      const port = portFor(record);
      const open = [...streams.values()].filter((stream) => stream.record === record);
      if (open.length >= MOST_STREAMS) {
        throw new WaymarkError('PLG_BUSY', `a call has at most ${MOST_STREAMS} streams open`);
      }
      const closing = new AbortController();
      const ending = AbortSignal.any([signal, closing.signal]);
      const answer = port.stream(callOf(record, ending), requestIn(params));
      const streamId = randomUUID();
      streams.set(streamId, { record, closing, pieces: answer[Symbol.asyncIterator]() });
      signal.addEventListener('abort', () => close(streamId), { once: true });
      return { streamId };
    },

    'host.model.stream_read': async (record: CallRecord, params: Params) => {
      const [id, stream] = streamIn(record, params);
      try {
        const { done, value } = await stream.pieces.next();
        if (!done) return { isDone: false, ...value };
      } catch (error) {
        close(id);
        throw error;
      }
      close(id);
      return { text: '', isDone: true };
    },

    'host.model.stream_close': async (record: CallRecord, params: Params) => {
      close(streamIn(record, params)[0]);
      return {};
    },
  };
}

const callOf = ({ guest, requestId }: CallRecord, signal: AbortSignal): ModelCall => ({
  org: guest.org,
  requestId,
  signal,
});

const streamClosed = () => new WaymarkError('PLG_CALLBACK_REFUSED', 'the stream was closed');

function requestIn(params: Params): ModelRequest {
  const model = maybeTextIn(params, 'model', 256);
  const maxTokens = maybeNumberIn(params, 'maxTokens', 1, MOST_TOKENS);
  const temperature = maybeNumberIn(params, 'temperature', 0, 2);
  return {
    messages: messagesIn(params),
    ...(model !== undefined && { model }),
    ...(maxTokens !== undefined && { maxTokens: Math.floor(maxTokens) }),
    ...(temperature !== undefined && { temperature }),
  };
}

function messagesIn({ messages }: Params): ModelRequest['messages'] {
  const isList = Array.isArray(messages) && messages.length > 0;
  if (!isList || messages.length > MOST_MESSAGES || !messages.every(isMessage)) {
    throw invalidField('messages', `must be 1 to ${MOST_MESSAGES} of {role, content}`, 'type');
  }
  return messages.map(({ role, content }) => ({ role, content }));
}

const isMessage = (value: unknown): value is { role: string; content: unknown } =>
  isMap(value) && typeof value['role'] === 'string' && (value['content'] ?? null) !== null;
