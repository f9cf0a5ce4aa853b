import type { Logger } from '../../audit/logger.ts';
import { type Clock, toTime } from '../../model/clock.ts';
import { sha256Hex } from '../../model/digest.ts';
import { failpoint } from '../../model/failpoint.ts';
import { outboundFetch } from '../../outbound/fetch.ts';
import { OutboundError, type OutboundPolicy } from '../../outbound/guard.ts';
import { BUILTIN_PLUGINS } from '../../registry/builtin-plugins.ts';
import type { BindingRef, CallContext } from '../contract/wire.ts';
import type { WireEvent } from '../events/event.ts';
import type { OutboxEnd, OutboxKey, OutboxMessage, OutboxStore } from '../events/outbox.ts';
import { failedAttempt } from '../events/retry.ts';
import type { GuestCall } from '../runtime/guest/types.ts';
import type { Builtin } from '../sources/builtin-part.ts';
import { type Signing, signatureHeaders } from './webhook-signature.ts';

export interface WebhooksDeps {
  outbox: OutboxStore;
  outbound: OutboundPolicy;
  clock: Clock;
  random: () => number;
  log: Logger;
}

/** As `schemas/plugins/webhooks.json` has it, its defaults filled in. */
interface WebhooksConfig extends Signing {
  url: string;
  events?: readonly string[];
  headers?: Readonly<Record<string, string>>;
}

interface HookParams {
  event: WireEvent;
  context: CallContext;
  /** Of a message that waits in the outbox. */
  isRetry?: boolean;
}

export const WEBHOOKS = 'webhooks';

const DEFAULT_EVENTS: readonly string[] = ['approval.created', 'document.ready'];
/** How long an attempt is its process's own; longer than any may take. */
const LEASE_MS = 15_000;
/** What a hook needs besides the attempt itself. */
const MARGIN_MS = 500;
const ANSWER_BYTES = 64 * 1024;

/**
 * Sends events to a receiver. What is to be sent is stored first: a crash, or a
 * receiver that is away, only delays it.
 *
 * @see docs/spec/plugin-host.md, "webhooks"
 */
export const webhooks = (deps: WebhooksDeps): Builtin => ({
  manifest: {
    id: WEBHOOKS,
    displayName: 'Webhooks',
    author: 'Waymark',
    category: 'automation',
    capabilities: {
      approval_hook: true,
      document_hook: true,
      release_hook: true,
      promotion_hook: true,
      deploy_hook: true,
    },
    hooks: ['*'],
    configSchema: BUILTIN_PLUGINS.get(WEBHOOKS)!.configSchema,
    permissions: { secrets: ['secret', 'previousSecret'] },
  },
  methods: () => ({
    'hook.handle': async (params, call) => {
      await handle(deps, params as HookParams, call);
      return {};
    },
  }),
});

async function handle(deps: WebhooksDeps, params: HookParams, call: GuestCall): Promise<void> {
  const { event, context, isRetry = false } = params;
  const { url, events = DEFAULT_EVENTS } = context.config as unknown as WebhooksConfig;
  const { outbox, clock } = deps;
  const key = { org: context.orgId, ...bindingOf(context), eventId: event.id };
  if (!isRetry) {
    if (!events.includes(event.type) || !(await keep(deps, key, event, url))) return;
    await failpoint('outbox.written');
  }
  const message = await outbox.claim(key, toTime(clock()), toTime(clock() + LEASE_MS));
  if (!message) return;
  // It may have said so of a message that was on its way at the same time.
  const isGone = isRetry && (await isSuspended(outbox, key, url));
  const end = isGone ? givenUp(message, clock) : await attempt(deps, message, context, call);
  await failpoint('outbox.sent');
  await outbox.finish(key, end);
  if (end.lastStatus === 410) {
    deps.log.warn(key, 'a receiver is gone for good: its webhook is suspended');
    await outbox.suspend(key.org, key, sha256Hex(url), toTime(clock()));
  }
}

const bindingOf = ({ scope, namespaceId }: CallContext): BindingRef => ({
  scope,
  id: scope === 'namespace' ? `${namespaceId}.${WEBHOOKS}` : WEBHOOKS,
});

const keyOf = ({ org, scope, id, eventId }: OutboxKey): OutboxKey => ({ org, scope, id, eventId });

/** A binding that has another URL since then is not. */
async function isSuspended(outbox: OutboxStore, key: OutboxKey, url: string): Promise<boolean> {
  const suspended = await outbox.suspendedUrl(key.org, key);
  if (suspended === undefined) return false;
  if (suspended === sha256Hex(url)) return true;
  await outbox.resume(key.org, key);
  return false;
}

/**
 * False where nothing is to be sent.
 *
 * @throws a fault for which the hook is called again
 */
async function keep(
  { outbox, clock }: WebhooksDeps,
  key: OutboxKey,
  event: WireEvent,
  url: string,
): Promise<boolean> {
  try {
    if (await isSuspended(outbox, key, url)) return false;
    await outbox.add(newMessage(key, event, toTime(clock())), toTime(clock() + LEASE_MS));
    return true;
  } catch (cause) {
    const error = new Error('the message could not be stored', { cause });
    throw Object.assign(error, { code: 'OUTBOX_UNAVAILABLE', retryable: true });
  }
}

const givenUp = ({ lastStatus }: OutboxMessage, clock: Clock): OutboxEnd => {
  const now = toTime(clock());
  const lastError = 'its receiver is gone for good';
  return { state: 'failed', dueAt: now, changedAt: now, lastStatus, lastError };
};

const newMessage = (key: OutboxKey, event: WireEvent, now: string): OutboxMessage => ({
  ...key,
  event,
  state: 'pending',
  attempts: 0,
  dueAt: now,
  changedAt: now,
  lastStatus: null,
  lastError: null,
});

/** @throws the signal's reason: nobody knows what came of it, and it is made again */
async function attempt(
  { outbound, clock, random, log }: WebhooksDeps,
  message: OutboxMessage,
  context: CallContext,
  { signal, deadlineMs }: GuestCall,
): Promise<OutboxEnd> {
  const config = context.config as unknown as WebhooksConfig;
  const body = JSON.stringify(bodyOf(message.event));
  const timestampSec = Math.floor(clock() / 1000);
  const own = signatureHeaders({ id: message.eventId, timestampSec, body }, config);
  const headers = {
    'user-agent': 'Waymark',
    ...lowerCase(config.headers ?? {}),
    'content-type': 'application/json',
    ...own,
  };
  const terms = { timeoutMs: deadlineMs - MARGIN_MS, limitBytes: ANSWER_BYTES, signal };
  const request = { method: 'POST', headers, body, ...terms };
  const failed = (error: string, status: number | null = null) =>
    failedAttempt(message, { status, error }, { nowMs: clock(), random });
  try {
    const { status } = await outboundFetch(config.url, request, outbound);
    if (status < 200 || status > 299) {
      const end = failed(`it answered ${status}`, status);
      return status === 410 ? { ...end, state: 'failed' } : end;
    }
    const now = toTime(clock());
    return { state: 'sent', dueAt: now, changedAt: now, lastStatus: status, lastError: null };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OutboundError) return failed(error.message);
    log.error({ ...keyOf(message), error }, 'a webhook could not be sent');
    return failed('it could not be sent');
  }
}

/** What receivers of either kind look for. */
function bodyOf({ data, ...event }: WireEvent): object {
  const { approvalId, documentId } = data;
  return {
    ...event,
    event: event.type,
    ...(approvalId === undefined ? {} : { approvalId }),
    ...(documentId === undefined ? {} : { documentId }),
    data,
  };
}

const lowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
