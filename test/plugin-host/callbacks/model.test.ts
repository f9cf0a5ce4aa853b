import { describe, expect, it } from 'vitest';
import type {
  ModelCall,
  ModelPiece,
  ModelPort,
  ModelRequest,
} from '../../../src/plugin-host/callbacks/model-port.ts';
import { openCall } from '../../support/callbacks.ts';

const messages = [{ role: 'user', content: 'Hello?' }];
const usage = { inputTokens: 3, outputTokens: 2 };

interface Asked {
  call: ModelCall;
  request: ModelRequest;
}

/** A model that answers in these pieces, and then with `fault`. */
function fakeModel({ pieces = [], fault }: { pieces?: ModelPiece[]; fault?: Error } = {}) {
  const asked: Asked[] = [];
  const port: ModelPort = {
    async execute(call, request) {
      asked.push({ call, request });
      return { text: 'Yes.', model: 'small', usage };
    },
    async *stream(call, request) {
      asked.push({ call, request });
      yield* pieces;
      if (fault) throw fault;
    },
  };
  return { port, asked };
}

async function openModel(port: ModelPort | undefined = fakeModel().port, isGranted = true) {
  const opened = await openCall({
    manifest: { permissions: isGranted ? { model: true } : {} },
    deps: port ? { model: port } : {},
  });
  const stream = async () => {
    const answer = await opened.call('host.model.execute_stream', { messages });
    return (answer as { streamId: string }).streamId;
  };
  const read = (streamId: string) => opened.call('host.model.stream_read', { streamId });
  return { ...opened, stream, read };
}

describe('host.model', () => {
  it('executes by the org’s integration', async () => {
    const { port, asked } = fakeModel();
    const { call } = await openModel(port);
    const terms = { model: 'large', maxTokens: 10, temperature: 0.5 };

    const answer = await call('host.model.execute', { messages, org: 'globex', ...terms });

    expect(answer).toEqual({ text: 'Yes.', model: 'small', usage });
    expect(asked).toMatchObject([
      { call: { org: 'acme', requestId: 'request-1' }, request: { messages, ...terms } },
    ]);
  });

  it('streams piece by piece to the end', async () => {
    const pieces = [{ text: 'Y' }, { text: 'es.', model: 'small', usage }];
    const { stream, read } = await openModel(fakeModel({ pieces }).port);

    const id = await stream();

    expect(await read(id)).toEqual({ isDone: false, text: 'Y' });
    expect(await read(id)).toEqual({ isDone: false, text: 'es.', model: 'small', usage });
    expect(await read(id)).toEqual({ isDone: true, text: '' });
    await expect(read(id)).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });

  it('tells what a stream breaks by, and has closed it', async () => {
    const { stream, read } = await openModel(fakeModel({ fault: new Error('cut') }).port);

    const id = await stream();

    await expect(read(id)).rejects.toThrow('cut');
    await expect(read(id)).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });

  it.each(['stream_close', 'the end of the call'])('gives a stream up at %s', async (end) => {
    const { port, asked } = fakeModel({ pieces: [{ text: 'Y' }, { text: 'es.' }] });
    const { call, stream, read, records, id } = await openModel(port);
    const streamId = await stream();
    await read(streamId);

    if (end === 'stream_close') await call('host.model.stream_close', { streamId });
    else records.end(id);

    expect(asked[0]?.call.signal.aborted).toBe(true);
    await expect(read(streamId)).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });

  it('keeps streams to the call that opened them', async () => {
    const { stream, callbacks, guest, record, records } = await openModel(
      fakeModel({ pieces: [{ text: 'Y' }] }).port,
    );
    const streamId = await stream();
    const host_callback_id = records.begin({ ...record });

    const other = callbacks(guest, 'host.model.stream_read', { host_callback_id, streamId });

    await expect(other).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });

  it('has 8 streams of a call open at a time', async () => {
    const { call, stream } = await openModel();
    const ids = [];
    for (let i = 0; i < 8; i++) ids.push(await stream());

    await expect(stream()).rejects.toMatchObject({ code: 'PLG_BUSY' });
    await call('host.model.stream_close', { streamId: ids[0] });
    expect(await stream()).toEqual(expect.any(String));
  });

  it('is refused where it is not granted', async () => {
    const { call, stream } = await openModel(undefined, false);

    const refusal = { code: 'PLG_CALLBACK_REFUSED' };
    await expect(call('host.model.execute', { messages })).rejects.toMatchObject(refusal);
    await expect(stream()).rejects.toMatchObject(refusal);
  });

  it('says where there is no model', async () => {
    const { call } = await openCall({ manifest: { permissions: { model: true } } });

    await expect(call('host.model.execute', { messages })).rejects.toMatchObject({
      code: 'PLG_MODEL_UNAVAILABLE',
    });
  });

  it.each([
    {},
    { messages: [] },
    { messages: 'Hello?' },
    { messages: [{ role: 'user' }] },
    { messages: [{ role: 7, content: 'a' }] },
    { messages: Array.from({ length: 1001 }, () => messages[0]) },
    { messages, model: 7 },
    { messages, maxTokens: 0 },
    { messages, temperature: 3 },
  ])('refuses %j', async (params) => {
    const { call } = await openModel();

    await expect(call('host.model.execute', params)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });
});
