import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Vault } from '../secrets/vault.ts';
import type { ProviderKind } from './provider/settings.ts';
import type { Upstream, UpstreamStore } from './upstream.ts';
import { type Delivery, identifyDelivery } from './webhook-signature.ts';

export interface WebhookStore {
  /** False when one of the marks is known already. Those that are new are kept either way. */
  remember(org: string, marks: readonly string[], expiresAt: string): Promise<boolean>;
  /** Forgets what has expired. Answers how many. */
  sweep(now: string): Promise<number>;
}

export interface WebhookDeps {
  webhooks: WebhookStore;
  upstreams: Pick<UpstreamStore, 'find'>;
  vault: Pick<Vault, 'read'>;
  mirrors: { hint(org: string): void };
  clock: Clock;
}

/** Longer than any provider tries again. */
const KEPT_MS = 3 * 86_400_000;

/**
 * Takes a provider's word that something may have moved, once. What has moved is
 * for the upstream itself to say.
 *
 * @returns false for one that came before
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID`, for an org that is not there or
 *   awaits no such webhooks as for a wrong signature
 */
export async function takeWebhook(
  { org, kind, ...delivery }: Delivery & { org: string; kind: ProviderKind },
  { webhooks, upstreams, vault, mirrors, clock }: WebhookDeps,
): Promise<boolean> {
  const upstream = await upstreams.find(org);
  const secrets = upstream?.provider?.kind === kind ? await secretsOf(upstream, vault) : [];
  const marks = identifyDelivery(kind, delivery, secrets, clock());
  if (!marks) throw new WaymarkError('AUTH_TOKEN_INVALID', 'the signature is missing or wrong');
  // Kept first: where that fails the provider tries again, and the hint is given once.
  const isNew = await webhooks.remember(org, marks, toTime(clock() + KEPT_MS));
  if (isNew) mirrors.hint(org);
  return isNew;
}

async function secretsOf(
  { org, provider }: Upstream,
  vault: Pick<Vault, 'read'>,
): Promise<string[]> {
  const found = await Promise.all(
    (provider?.webhookRefs ?? []).map((name) => vault.read(org, name)),
  );
  // Stored with an editor, a secret often ends in a line of its own.
  return found.flatMap((secret) => secret?.trimEnd() || []);
}
