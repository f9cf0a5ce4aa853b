import PQueue from 'p-queue';
import { type Clock, toTime } from '../../model/clock.ts';
import { WEBHOOKS } from '../builtin/webhooks.ts';
import type { PluginHost } from '../plugin-host.ts';
import type { OutboxMessage, OutboxStore } from './outbox.ts';
import { failedAttempt } from './retry.ts';

export interface SendDeps {
  host: Pick<PluginHost, 'call' | 'settled'>;
  outbox: OutboxStore;
  clock: Clock;
  random: () => number;
}

const MESSAGES_AT_ONCE = 50;
const CALLS_AT_ONCE = 4;

/**
 * Has what is due of an org sent, by the hook that stored it: with the
 * configuration that its binding has by now.
 *
 * @returns when there is more to send
 */
export async function sendDue(
  deps: SendDeps,
  org: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { outbox, clock, host } = deps;
  const due = await outbox.listDue(org, toTime(clock()), MESSAGES_AT_ONCE);
  if (due.length > 0) await host.settled(org);
  const sending = new PQueue({ concurrency: CALLS_AT_ONCE });
  await sending.addAll(due.map((message) => () => sendOne(deps, message, signal)));
  return await outbox.nextDue(org);
}

async function sendOne(
  { host, outbox, clock, random }: SendDeps,
  message: OutboxMessage,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { org, scope, id, event } = message;
  try {
    await host.call({
      org,
      pluginId: WEBHOOKS,
      binding: { scope, id },
      method: 'hook.handle',
      params: { event, isRetry: true },
      requestId: event.id,
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    const nowMs = clock();
    // One that the hook has taken is its own to end.
    const own = await outbox.claim(message, toTime(nowMs), toTime(nowMs + 1000));
    if (!own) return;
    const end = failedAttempt(own, { error: (error as Error).message }, { nowMs, random });
    await outbox.finish(message, end);
  }
}
