import type { OutboundPolicy } from '../../../outbound/guard.ts';
import { modelRequestIn } from '../../callbacks/model-request.ts';
import { type Params, textIn } from '../../callbacks/params.ts';
import type { CallContext } from '../../contract/wire.ts';
import type { GuestCall, MethodTable, Waymark } from '../../runtime/guest/types.ts';
import type { Builtin } from '../../sources/builtin-part.ts';
import { upstreamAnswered, upstreamFailed } from '../fault.ts';
import { type HttpClient, httpClient } from '../http-client.ts';
import { integrationMethods } from '../integration.ts';
import { ownManifest } from '../own-manifest.ts';
import { urlBelow } from '../url-below.ts';
import { createModelApi } from './model-api.ts';
import { createOpenStreams } from './open-streams.ts';

type Config = CallContext['config'];

const RESOURCE = 'model';

/** A language model behind any endpoint that speaks as OpenAI's does. */
export const model = ({ outbound }: { outbound: OutboundPolicy }): Builtin => ({
  manifest: ownManifest('model', {
    displayName: 'Language model',
    category: 'automation',
    capabilities: { integration: true },
    permissions: { http: [{ hosts: ['config:/endpoint'] }], secrets: ['apiKey'] },
    integration: {
      category: 'automation',
      resourceTypes: [RESOURCE],
      operations: ['execute', 'execute_stream', 'stream_read', 'stream_close'],
    },
  }),
  methods: (waymark) => modelMethods(waymark, outbound),
});

function modelMethods(waymark: Waymark, outbound: OutboundPolicy): MethodTable {
  const send = httpClient(waymark);
  const api = createModelApi(outbound);
  const streams = createOpenStreams();

  async function openStream(config: Config, params: Params, call: GuestCall) {
    const request = modelRequestIn(params);
    streams.check();
    const closing = new AbortController();
    const giveUp = () => closing.abort(call.signal.reason);
    call.signal.addEventListener('abort', giveUp, { once: true });
    const pieces = await api.stream(config, request, closing.signal);
    call.signal.removeEventListener('abort', giveUp);
    return { streamId: streams.add({ pieces, closing }) };
  }

  async function readStream(_config: Config, params: Params, call: GuestCall) {
    const id = textIn(params, 'streamId', 64);
    const piece = await streams.read(id, call.signal);
    return piece ? { ...piece, isDone: false } : { text: '', isDone: true };
  }

  return {
    ...integrationMethods({
      check: { name: 'models', run: (config) => checkModels(send, config) },
      discover: {
        [RESOURCE]: async (config, { query, page }) =>
          (page === 1 ? await listModels(send, config) : [])
            .filter((id) => id.includes(query))
            .slice(0, 1000)
            .map((id) => ({ id, name: id, type: RESOURCE })),
      },
      operations: {
        execute: async (config, params, { signal }) =>
          await api.execute(config, modelRequestIn(params), signal),
        execute_stream: openStream,
        stream_read: readStream,
        async stream_close(_config, params) {
          streams.close(textIn(params, 'streamId', 64));
          return {};
        },
      },
    }),
    'plugin.shutdown': () => {
      streams.closeAll();
      return {};
    },
  };
}

async function checkModels(send: HttpClient, config: Config): Promise<string> {
  const models = await listModels(send, config);
  // Not a fault: an endpoint may take names that it does not list.
  const isListed = models.includes(config['model'] as string);
  return `it lists ${models.length}, ${isListed ? 'also' : 'but not'} ${String(config['model'])}`;
}

async function listModels(send: HttpClient, config: Config): Promise<string[]> {
  const { endpoint, apiKey } = config as { endpoint: string; apiKey?: string };
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey.trimEnd()}` };
  const { status, body } = await send({ url: urlBelow(endpoint, '/models'), headers });
  if (status !== 200) throw upstreamAnswered(`it answers ${status}`, status);
  const ids = idsIn(body.toString());
  if (!ids) throw upstreamFailed('its answer is no list of models');
  return ids;
}

function idsIn(text: string): string[] | undefined {
  try {
    const { data } = JSON.parse(text) as { data: readonly { id: unknown }[] };
    return data.map(({ id }) => id).filter((id) => typeof id === 'string' && id !== '') as string[];
  } catch {
    return undefined;
  }
}
