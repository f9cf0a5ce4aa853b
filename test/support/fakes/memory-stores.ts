import type { Stores } from '../../../src/database/stores.ts';
import { Memory } from './memory.ts';
import { memoryAuditStore, memoryCheckpointStore } from './memory-audit.ts';
import { memoryChangeRequestStore } from './memory-change-request-store.ts';
import { memoryClientStore } from './memory-client-store.ts';
import { memoryCommitAuthorStore } from './memory-commit-author-store.ts';
import { memoryEventStore, memoryOutboxStore } from './memory-events.ts';
import { memoryApiKeyStore, memoryOrgStore } from './memory-identity.ts';
import { memoryIntegrationHealthStore } from './memory-integration-health-store.ts';
import { memoryJobStore, memoryQuarantineStore } from './memory-jobs.ts';
import { memoryKeptAnswerStore } from './memory-kept-answer-store.ts';
import {
  memoryFeedTokenStore,
  memoryLockoutStore,
  memoryMemberStore,
  memorySessionStore,
  memoryUserStore,
} from './memory-people.ts';
import { memoryPluginStateStore } from './memory-plugin-state-store.ts';
import { memoryBindingSecretStore, memoryKvStore } from './memory-plugin-stores.ts';
import { memoryPublicationStore } from './memory-publication-store.ts';
import { memorySecretStore } from './memory-secret-store.ts';
import { memoryKeyStore, memorySealedStore } from './memory-signing.ts';
import { memoryTokenKeyStore } from './memory-token-key-store.ts';
import { memoryUpstreamStore } from './memory-upstream-store.ts';
import { memoryWebhookStore } from './memory-webhook-store.ts';

/** Every store, without a database. The contract suites hold them to what the real ones do. */
export function createMemoryStores(memory = new Memory()): Stores {
  return {
    orgs: memoryOrgStore(memory),
    users: memoryUserStore(memory),
    members: memoryMemberStore(memory),
    sessions: memorySessionStore(memory),
    lockouts: memoryLockoutStore(memory),
    apiKeys: memoryApiKeyStore(memory),
    keptAnswers: memoryKeptAnswerStore(memory),
    feedTokens: memoryFeedTokenStore(memory),
    clients: memoryClientStore(memory),
    publications: memoryPublicationStore(memory),
    sealed: memorySealedStore(memory),
    keys: memoryKeyStore(memory),
    tokenKeys: memoryTokenKeyStore(memory),
    audit: memoryAuditStore(memory),
    secrets: memorySecretStore(memory),
    bindingSecrets: memoryBindingSecretStore(memory),
    pluginValues: memoryKvStore(memory),
    upstreams: memoryUpstreamStore(memory),
    webhooks: memoryWebhookStore(memory),
    checkpoints: memoryCheckpointStore(memory),
    changeRequests: memoryChangeRequestStore(memory),
    commitAuthors: memoryCommitAuthorStore(memory),
    jobs: memoryJobStore(memory),
    events: memoryEventStore(memory),
    outbox: memoryOutboxStore(memory),
    quarantines: memoryQuarantineStore(memory),
    pluginStates: memoryPluginStateStore(memory),
    integrationHealth: memoryIntegrationHealthStore(memory),
  };
}
