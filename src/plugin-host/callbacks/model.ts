import { randomUUID } from 'node:crypto';
import type { Clock } from '../../model/clock.ts';
import { WaymarkError } from '../../model/errors.ts';
import { type CallRecord, checkGranted } from './call-records.ts';
import type { ModelCall, ModelPiece, ModelPort } from './model-port.ts';
import { modelRequestIn } from './model-request.ts';
import { type Params, textIn } from './params.ts';
import { createRequestRate } from './request-rate.ts';

const MOST_STREAMS = 8;

interface Stream {
  record: CallRecord;
  pieces: AsyncIterator<ModelPiece>;
  closing: AbortController;
}

/** The org's language model, by the integration that an admin configured. */
export function modelCallbacks({ model, clock }: { model?: ModelPort; clock: Clock }) {
  const streams = createStreams();
  // Whoever pays for the model is not who wrote the plugin.
  const countRequest = createRequestRate(clock);

  function portFor(record: CallRecord): ModelPort {
    checkGranted(record, 'model');
    if (model) return model;
    throw new WaymarkError('PLG_MODEL_UNAVAILABLE', 'the org has no integration of a model');
  }

  return {
    'host.model.execute': async (record: CallRecord, params: Params, signal: AbortSignal) => {
      const port = portFor(record);
      const request = modelRequestIn(params);
      countRequest(record);
      return await port.execute(callOf(record, signal), request);
    },

    'host.model.execute_stream': async (
      record: CallRecord,
      params: Params,
      signal: AbortSignal,
    ) => {
      const port = portFor(record);
      const request = modelRequestIn(params);
      countRequest(record);
      const open = (ending: AbortSignal) => port.stream(callOf(record, ending), request);
      return { streamId: streams.open(record, signal, open) };
    },

    'host.model.stream_read': async (record: CallRecord, params: Params) => {
      const [id, { pieces }] = streams.get(record, params);
      try {
        const { done, value } = await pieces.next();
        if (!done) return { isDone: false, ...value };
      } catch (error) {
        streams.close(id);
        throw error;
      }
      streams.close(id);
      return { text: '', isDone: true };
    },

    'host.model.stream_close': async (record: CallRecord, params: Params) => {
      streams.close(streams.get(record, params)[0]);
      return {};
    },
  };
}

/** Each of one call, and no longer than that. */
function createStreams() {
  const streams = new Map<string, Stream>();

  function close(id: string): void {
    const stream = streams.get(id);
    streams.delete(id);
    stream?.closing.abort(streamClosed());
    // Not awaited: it may hang until the model's own end.
    stream?.pieces.return?.().catch(() => {});
  }

  return {
    close,

    open(
      record: CallRecord,
      signal: AbortSignal,
      begin: (ending: AbortSignal) => AsyncIterable<ModelPiece>,
    ): string {
      const others = [...streams.values()].filter((stream) => stream.record === record);
      if (others.length >= MOST_STREAMS) {
        throw new WaymarkError('PLG_BUSY', `a call has at most ${MOST_STREAMS} streams open`);
      }
      const closing = new AbortController();
      const answer = begin(AbortSignal.any([signal, closing.signal]));
      const id = randomUUID();
      streams.set(id, { record, closing, pieces: answer[Symbol.asyncIterator]() });
      signal.addEventListener('abort', () => close(id), { once: true });
      return id;
    },

    get(record: CallRecord, params: Params): [string, Stream] {
      const id = textIn(params, 'streamId', 64);
      const stream = streams.get(id);
      if (stream?.record === record) return [id, stream];
      const message = 'streamId names no open stream of this call';
      throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
    },
  };
}

const callOf = ({ guest, requestId }: CallRecord, signal: AbortSignal): ModelCall => ({
  org: guest.org,
  requestId,
  signal,
});

const streamClosed = () => new WaymarkError('PLG_CALLBACK_REFUSED', 'the stream was closed');
