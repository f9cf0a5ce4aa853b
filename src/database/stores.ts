import type { CheckpointStore } from '../audit/checkpoints.ts';
import type { AuditStore } from '../audit/entry.ts';
import type { ChangeRequestStore } from '../changes/change-request.ts';
import type { ClientStore } from '../delivery/client.ts';
import type { CommitAuthorStore } from '../delivery/commit-authors.ts';
import type { KeyStore } from '../delivery/key-store.ts';
import type { PublicationStore } from '../delivery/publication.ts';
import type { QuarantineStore } from '../delivery/quarantine.ts';
import type { SealedStore } from '../delivery/sealed.ts';
import type { ApiKeyStore } from '../identity/api-key.ts';
import type { FeedTokenStore } from '../identity/feed-token.ts';
import type { KeptAnswerStore } from '../identity/kept-answer.ts';
import type { LockoutStore } from '../identity/lockout.ts';
import type { MemberStore } from '../identity/member.ts';
import type { OrgStore } from '../identity/org.ts';
import type { SessionStore } from '../identity/session.ts';
import type { TokenKeyStore } from '../identity/token-key.ts';
import type { UserStore } from '../identity/user.ts';
import type { UpstreamStore } from '../mirror/upstream.ts';
import type { WebhookStore } from '../mirror/webhook.ts';
import type { BindingSecretStore } from '../plugin-host/callbacks/binding-secret.ts';
import type { KvStore } from '../plugin-host/callbacks/kv-store.ts';
import type { EventStore } from '../plugin-host/events/event-store.ts';
import type { OutboxStore } from '../plugin-host/events/outbox.ts';
import type { IntegrationHealthStore } from '../plugin-host/integration-health.ts';
import type { PluginStateStore } from '../plugin-host/plugin-state.ts';
import type { JobStore } from '../queue/job.ts';
import type { SecretStore } from '../secrets/secret.ts';
import { apiKeyStore } from './api-key-store.ts';
import { auditStore } from './audit-store.ts';
import { bindingSecretStore } from './binding-secret-store.ts';
import { changeRequestStore } from './change-request-store.ts';
import { checkpointStore } from './checkpoint-store.ts';
import { clientStore } from './client-store.ts';
import { commitAuthorStore } from './commit-author-store.ts';
import { eventStore } from './event-store.ts';
import { feedTokenStore } from './feed-token-store.ts';
import { integrationHealthStore } from './integration-health-store.ts';
import { jobStore } from './job-store.ts';
import { keptAnswerStore } from './kept-answer-store.ts';
import { keyStore } from './key-store.ts';
import { lockoutStore } from './lockout-store.ts';
import { memberStore } from './member-store.ts';
import type { Database } from './open.ts';
import { orgStore } from './org-store.ts';
import { outboxStore } from './outbox-store.ts';
import { pluginStateStore } from './plugin-state-store.ts';
import { pluginValueStore } from './plugin-value-store.ts';
import { publicationStore } from './publication-store.ts';
import { quarantineStore } from './quarantine-store.ts';
import { Scheduling } from './scheduling.ts';
import { sealedStore } from './sealed-store.ts';
import { secretStore } from './secret-store.ts';
import { sessionStore } from './session-store.ts';
import { tokenKeyStore } from './token-key-store.ts';
import { upstreamStore } from './upstream-store.ts';
import { userStore } from './user-store.ts';
import { webhookStore } from './webhook-store.ts';

/** What belongs to an org throws `RES_NOT_FOUND` when it is stored after the org was removed. */
export interface Stores {
  orgs: OrgStore;
  users: UserStore;
  members: MemberStore;
  sessions: SessionStore;
  lockouts: LockoutStore;
  apiKeys: ApiKeyStore;
  keptAnswers: KeptAnswerStore;
  feedTokens: FeedTokenStore;
  clients: ClientStore;
  publications: PublicationStore;
  sealed: SealedStore;
  keys: KeyStore;
  tokenKeys: TokenKeyStore;
  audit: AuditStore;
  secrets: SecretStore;
  bindingSecrets: BindingSecretStore;
  pluginValues: KvStore;
  upstreams: UpstreamStore;
  webhooks: WebhookStore;
  checkpoints: CheckpointStore;
  changeRequests: ChangeRequestStore;
  commitAuthors: CommitAuthorStore;
  jobs: JobStore;
  events: EventStore;
  outbox: OutboxStore;
  quarantines: QuarantineStore;
  pluginStates: PluginStateStore;
  integrationHealth: IntegrationHealthStore;
}

export function createStores({ db }: Database): Stores {
  const scheduling = new Scheduling();
  return {
    orgs: orgStore(db),
    users: userStore(db),
    members: memberStore(db),
    sessions: sessionStore(db),
    lockouts: lockoutStore(db),
    apiKeys: apiKeyStore(db),
    keptAnswers: keptAnswerStore(db),
    feedTokens: feedTokenStore(db),
    clients: clientStore(db),
    publications: publicationStore(db, scheduling),
    sealed: sealedStore(db),
    keys: keyStore(db),
    tokenKeys: tokenKeyStore(db),
    audit: auditStore(db),
    secrets: secretStore(db),
    bindingSecrets: bindingSecretStore(db),
    pluginValues: pluginValueStore(db),
    upstreams: upstreamStore(db),
    webhooks: webhookStore(db),
    checkpoints: checkpointStore(db),
    changeRequests: changeRequestStore(db, scheduling),
    commitAuthors: commitAuthorStore(db),
    jobs: jobStore(db, scheduling),
    events: eventStore(db),
    outbox: outboxStore(db, scheduling),
    quarantines: quarantineStore(db),
    pluginStates: pluginStateStore(db),
    integrationHealth: integrationHealthStore(db),
  };
}
