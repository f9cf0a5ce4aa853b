import { WaymarkError } from '../../../model/errors.ts';
import type { Binding } from '../../binding.ts';
import type { ModelAnswer, ModelCall, ModelPiece, ModelPort } from '../../callbacks/model-port.ts';
import type { PluginHost } from '../../plugin-host.ts';

const MODEL_TYPE = 'model.openai';

type Host = Pick<PluginHost, 'bindings' | 'call'>;

/**
 * An org's model: its integration of type `model.openai`, of several that are on
 * the first by name, called as every other is.
 */
export function modelPort(host: () => Host): ModelPort {
  function operationsFor({ org, requestId, signal }: ModelCall) {
    const { id, pluginId } = getModel(host(), org);
    return (operation: string, params: object, isGivenUp = false) =>
      host().call({
        org,
        pluginId,
        requestId,
        binding: { scope: 'integration', id },
        method: 'integration.call',
        params: { integration: { id, type: MODEL_TYPE }, operation, params },
        ...(!isGivenUp && { signal }),
      });
  }

  return {
    execute: async (call, request) =>
      (await operationsFor(call)('execute', request)) as ModelAnswer,

    // No generator itself: whoever asks is told at once that there is no model.
    stream: (call, request) => pieces(operationsFor(call), request),
  };
}

type Run = (operation: string, params: object, isGivenUp?: boolean) => Promise<unknown>;

async function* pieces(run: Run, request: object): AsyncGenerator<ModelPiece, void> {
  const { streamId } = (await run('execute_stream', request)) as { streamId: string };
  try {
    for (;;) {
      const read = await run('stream_read', { streamId });
      const { isDone, ...piece } = read as ModelPiece & { isDone: boolean };
      if (isDone) return;
      yield piece;
    }
  } finally {
    // Also when the call has ended, whose signal would end this as well.
    await run('stream_close', { streamId }, true).catch(() => {});
  }
}

function getModel(host: Host, org: string): Binding {
  const models = host
    .bindings(org)
    .filter(({ scope, type, isEnabled }) => {
      return scope === 'integration' && type === MODEL_TYPE && isEnabled;
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  if (models[0]) return models[0];
  throw new WaymarkError('PLG_MODEL_UNAVAILABLE', 'the org has no integration of a model');
}
