import type { ChainedEntry } from '../audit/entry.ts';
import type { ChangeRequest, Review } from '../changes/change-request.ts';
import type { Client, ClientState } from '../delivery/client.ts';
import type { ActivePointer, Intent, ReleaseRow } from '../delivery/publication.ts';
import type { Quarantine } from '../delivery/quarantine.ts';
import type { SealedBody } from '../delivery/sealed.ts';
import type { ApiKey } from '../identity/api-key.ts';
import type { FeedToken } from '../identity/feed-token.ts';
import type { KeptAnswer } from '../identity/kept-answer.ts';
import type { Member } from '../identity/member.ts';
import type { Org } from '../identity/org.ts';
import type { Session } from '../identity/session.ts';
import type { TokenKey } from '../identity/token-key.ts';
import type { ExternalIdentity, User } from '../identity/user.ts';
import type { Condition, Upstream } from '../mirror/upstream.ts';
import type { StoredBindingSecret } from '../plugin-host/callbacks/binding-secret.ts';
import type { KvPlace } from '../plugin-host/callbacks/kv-store.ts';
import type { BindingRef } from '../plugin-host/contract/wire.ts';
import type { HookEvent } from '../plugin-host/events/event.ts';
import type { HookDelivery } from '../plugin-host/events/event-store.ts';
import type { OutboxMessage } from '../plugin-host/events/outbox.ts';
import type { HealthNote } from '../plugin-host/integration-health.ts';
import type { BindingStop, HostPluginState } from '../plugin-host/plugin-state.ts';
import type { Job } from '../queue/job.ts';
import type { StoredSecret } from '../secrets/secret.ts';
import type { Checkpoint } from '../signing/checkpoint.ts';
import type { OrgKey, StoredRoot } from '../signing/keys.ts';

/** A domain record as one row: its lists and maps are JSON text, an absent field is null. */
type Row<Domain, Json extends keyof Domain = never> = Omit<Domain, Json> & Record<Json, string>;

type Absent<Name extends string> = Record<Name, string | null>;

/** Names are camelCase here and snake_case in the database. */
export interface Tables {
  org: Org;
  apiKey: Omit<Row<ApiKey, 'teams' | 'roles'>, 'scopes'> & Absent<'scopes'>;
  user: Omit<User, 'isSiteAdmin'> & { isSiteAdmin: number };
  externalIdentity: ExternalIdentity & { userId: string };
  member: Row<Member, 'roles' | 'departments'>;
  session: Row<Session, 'teams'>;
  lockout: { key: string; tries: number; startedAt: string } & Absent<'lockedUntil'>;
  feedToken: Row<FeedToken, 'selector' | 'teams'>;
  audit: Omit<ChainedEntry, 'before' | 'after' | 'requestId'> &
    Absent<'before' | 'after' | 'requestId'>;
  auditCheckpoint: Checkpoint;
  keptAnswer: Omit<KeptAnswer, 'isRunning'> & { isRunning: number };
  orgKey: OrgKey;
  rootDocument: StoredRoot;
  activePointer: Row<ActivePointer, 'diagnostics'>;
  intent: Omit<Intent, 'requestId'> & Absent<'requestId'>;
  release: ReleaseRow;
  client: Row<Client, 'labels'>;
  clientState: ClientState;
  changeRequest: Omit<ChangeRequest, 'pending'> & Absent<'pending'>;
  changeReview: Review;
  commitAuthor: { org: string; commit: string; actor: string };
  sealedBody: SealedBody;
  tokenKey: Row<TokenKey, 'publicJwk'>;
  secret: StoredSecret;
  bindingSecret: Row<StoredBindingSecret, 'origins'>;
  pluginValue: KvPlace & { key: string; value: string; bytes: number };
  upstream: Omit<Upstream, 'provider' | 'lastError' | 'lastWriteError'> &
    Absent<'provider' | 'lastError' | 'lastWriteError'>;
  upstreamCondition: Row<Condition, 'diagnostics'>;
  webhookDelivery: { org: string; mark: string; expiresAt: string };
  sealedPacket: { bodyDigest: string; subkey: string; packet: Uint8Array };
  job: Row<Job, 'payload'>;
  quarantine: Quarantine;
  hostPlugin: Omit<HostPluginState, 'isEnabled'> & { isEnabled: number };
  bindingStop: BindingStop;
  integrationHealth: HealthNote & { org: string; integration: string; id: string };
  hookEvent: Row<HookEvent, 'plugins' | 'environments' | 'data'> & Absent<'settledAt'>;
  hookDelivery: Omit<HookDelivery, 'id'> & { binding: string };
  outboxMessage: Omit<Row<OutboxMessage, 'event'>, 'id'> & { binding: string };
  outboxSuspension: {
    org: string;
    scope: BindingRef['scope'];
    binding: string;
    urlDigest: string;
    since: string;
  };
}
