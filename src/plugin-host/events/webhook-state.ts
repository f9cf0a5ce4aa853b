import { type Clock, toTime } from '../../model/clock.ts';
import { sha256Hex } from '../../model/digest.ts';
import type { Binding } from '../binding.ts';
import type { Acting } from '../plugin-host.ts';
import type { OutboxStore, OutboxSummary } from './outbox.ts';

/** One receiver, and how the sending to it goes. */
export interface WebhookState extends OutboxSummary {
  /** Of its binding: `webhooks`, or `<namespace>.webhooks`. */
  id: string;
  namespaceId: string | null;
  enabled: boolean;
}

export async function webhookState(
  outbox: Pick<OutboxStore, 'summary' | 'suspendedUrl'>,
  org: string,
  binding: Binding,
): Promise<WebhookState> {
  const { id, namespaceId, isEnabled: enabled, config } = binding;
  const [summary, suspended] = await Promise.all([
    outbox.summary(org, binding),
    outbox.suspendedUrl(org, binding),
  ]);
  // With another URL it goes on at the next event, which is when the row goes.
  const isSuspended = suspended === sha256Hex(String(config['url']));
  const suspendedSince = isSuspended ? summary.suspendedSince : null;
  return { id, namespaceId, enabled, ...summary, suspendedSince };
}

/** The next event is sent again, as if the receiver had never said that it is gone. */
export async function resumeWebhook(
  { outbox, clock }: { outbox: Pick<OutboxStore, 'resume'>; clock: Clock },
  org: string,
  { scope, id }: Binding,
  acting: Acting,
): Promise<void> {
  const entry = { at: toTime(clock()), tenant: org, action: 'webhook.resume', ...acting };
  await outbox.resume(org, { scope, id }, { ...entry, resource: id });
}
