import type { AuditEntry, ChainedEntry } from '../../../src/audit/entry.ts';
import type { ChangeRequest, Review } from '../../../src/changes/change-request.ts';
import { ownerMissing } from '../../../src/database/faults.ts';
import type { Client, ClientState } from '../../../src/delivery/client.ts';
import type { ActivePointer, Intent, ReleaseRow } from '../../../src/delivery/publication.ts';
import type { Quarantine } from '../../../src/delivery/quarantine.ts';
import type { SealedBody } from '../../../src/delivery/sealed.ts';
import type { ApiKey } from '../../../src/identity/api-key.ts';
import type { FeedToken } from '../../../src/identity/feed-token.ts';
import type { KeptAnswer } from '../../../src/identity/kept-answer.ts';
import type { Member } from '../../../src/identity/member.ts';
import type { Org } from '../../../src/identity/org.ts';
import type { Session } from '../../../src/identity/session.ts';
import type { TokenKey } from '../../../src/identity/token-key.ts';
import type { ExternalIdentity, User } from '../../../src/identity/user.ts';
import type { Condition, Upstream } from '../../../src/mirror/upstream.ts';
import { chainEntry } from '../../../src/model/audit-chain.ts';
import type { StoredBindingSecret } from '../../../src/plugin-host/callbacks/binding-secret.ts';
import type { KvPlace } from '../../../src/plugin-host/callbacks/kv-store.ts';
import type { BindingRef } from '../../../src/plugin-host/contract/wire.ts';
import type { HookEvent } from '../../../src/plugin-host/events/event.ts';
import type { HookDelivery } from '../../../src/plugin-host/events/event-store.ts';
import type { OutboxMessage } from '../../../src/plugin-host/events/outbox.ts';
import type { HealthNote } from '../../../src/plugin-host/integration-health.ts';
import type { BindingStop, HostPluginState } from '../../../src/plugin-host/plugin-state.ts';
import type { Job, Wakeup } from '../../../src/queue/job.ts';
import type { StoredSecret } from '../../../src/secrets/secret.ts';
import type { Checkpoint } from '../../../src/signing/checkpoint.ts';
import type { OrgKey, StoredRoot } from '../../../src/signing/keys.ts';

/** A database in memory: what all the fakes of one `createMemoryStores()` share. */
export class Memory {
  orgs: Org[] = [];
  users: User[] = [];
  identities: (ExternalIdentity & { userId: string })[] = [];
  members: Member[] = [];
  sessions: Session[] = [];
  lockouts = new Map<string, { tries: number; startedAt: string; lockedUntil: string | null }>();
  apiKeys: ApiKey[] = [];
  feedTokens: FeedToken[] = [];
  keptAnswers: KeptAnswer[] = [];
  clients: Client[] = [];
  states: ClientState[] = [];
  pointers: ActivePointer[] = [];
  intents: Intent[] = [];
  releases: ReleaseRow[] = [];
  orgKeys: OrgKey[] = [];
  roots: StoredRoot[] = [];
  bodies: SealedBody[] = [];
  secrets: StoredSecret[] = [];
  bindingSecrets: StoredBindingSecret[] = [];
  pluginValues: (KvPlace & { key: string; value: string })[] = [];
  upstreams: Upstream[] = [];
  conditions: Condition[] = [];
  webhooks: { org: string; mark: string; expiresAt: string }[] = [];
  packets: { bodyDigest: string; subkey: string; packet: Uint8Array }[] = [];
  changeRequests: ChangeRequest[] = [];
  reviews: Review[] = [];
  commitAuthors: { org: string; commit: string; actor: string }[] = [];
  tokenKeys: TokenKey[] = [];
  jobs: Job[] = [];
  listeners: ((job: Wakeup) => void)[] = [];
  events: (HookEvent & { settledAt: string | null })[] = [];
  deliveries: HookDelivery[] = [];
  messages: OutboxMessage[] = [];
  suspensions: (BindingRef & { org: string; urlDigest: string; since: string })[] = [];
  quarantines: Quarantine[] = [];
  hostPlugins: HostPluginState[] = [];
  bindingStops: BindingStop[] = [];
  integrationHealth: (HealthNote & { org: string; integration: string })[] = [];
  audit: ChainedEntry[] = [];
  checkpoints: Checkpoint[] = [];

  append(entry: AuditEntry): void {
    const last = this.audit.findLast(({ tenant }) => tenant === entry.tenant);
    this.audit.push(chainEntry(last, entry));
  }

  announce(job: Wakeup): void {
    for (const listener of this.listeners) listener(job);
  }

  /** What a foreign key does in a database. */
  requireOrg(slug: string): void {
    if (!this.orgs.some((org) => org.slug === slug)) throw ownerMissing();
  }

  requireUser(id: string): void {
    if (!this.users.some((user) => user.id === id)) throw ownerMissing();
  }

  removePacketsOf(bodies: readonly SealedBody[]): void {
    const gone = new Set(bodies.map(({ bodyDigest }) => bodyDigest));
    this.packets = this.packets.filter(({ bodyDigest }) => !gone.has(bodyDigest));
  }
}

/** What a reader gets is its own: changing it changes nothing that is stored. */
export const copy = <T>(value: T): T => structuredClone(value);

/** Ascending by the keys, compared as databases here compare: by bytes. */
export function sortedBy<T>(rows: readonly T[], ...keys: (keyof T)[]): T[] {
  return copy(rows).toSorted((a, b) => {
    const key = keys.find((name) => a[name] !== b[name]);
    if (key === undefined) return 0;
    return a[key] < b[key] ? -1 : 1;
  });
}
