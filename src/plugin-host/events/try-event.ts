import type { Clock } from '../../model/clock.ts';
import { toTime } from '../../model/clock.ts';
import { WaymarkError } from '../../model/errors.ts';
import { PluginFault } from '../contract/fault.ts';
import type { PluginHost } from '../plugin-host.ts';
import { callHook, textOf } from './dispatch.ts';
import { eventOf, type NewEvent } from './event.ts';
import { type Bound, hears } from './subscribers.ts';

export interface Trial extends Pick<NewEvent, 'org' | 'type' | 'data'> {
  pluginId: string;
}

/** What one binding's hook made of an event. */
export interface TrialOutcome {
  /** `org hello` or `namespace sales.hello` */
  binding: string;
  ok: boolean;
  durationMs: number;
  error?: { code: string; message: string };
}

/**
 * Gives an event that did not happen to every hook of a plugin that would hear it, whatever the
 * namespaces cover. Nothing of it is kept, and nothing is tried again.
 *
 * @throws {WaymarkError} `PLG_NOT_FOUND`
 */
export async function tryEvent(
  host: Bound & Pick<PluginHost, 'call' | 'settled'>,
  { org, pluginId, type, data }: Trial,
  clock: Clock,
): Promise<TrialOutcome[]> {
  await host.settled(org);
  if (!host.find(org, pluginId)?.isEnabled) {
    throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${pluginId}`);
  }
  const event = eventOf({ org, type, data, at: toTime(clock()) });
  const never = new AbortController().signal;
  const hearing = host
    .bindings(org)
    .filter((one) => one.pluginId === pluginId && one.isEnabled && one.scope !== 'integration')
    .filter((one) => hears(host, event, one));
  return Promise.all(
    hearing.map(async (binding) => {
      const begunAt = clock();
      const error = await callHook(host, binding, event, never);
      const durationMs = clock() - begunAt;
      const outcome = { binding: `${binding.scope} ${binding.id}`, durationMs };
      return error === undefined
        ? { ...outcome, ok: true }
        : { ...outcome, ok: false, error: shown(error) };
    }),
  );
}

const shown = (error: unknown) => ({
  code:
    error instanceof PluginFault || error instanceof WaymarkError
      ? error.code
      : 'PLG_HANDLER_ERROR',
  message: textOf(error),
});
