import type { Tables } from './tables.ts';

/**
 * The key that each table is dumped in the order of; null for one that is left out. The tables
 * stand in the order in which they can be filled: first what others refer to. A new table does
 * not compile until it has its place here.
 */
export const dumpedTables = {
  org: ['slug'],
  user: ['id'],
  externalIdentity: ['issuer', 'subject'],
  member: ['org', 'userId'],
  apiKey: ['id'],
  feedToken: ['id'],
  audit: ['tenant', 'sequence'],
  auditCheckpoint: ['tenant', 'sequence'],
  orgKey: ['org', 'fingerprint'],
  rootDocument: ['org', 'version'],
  tokenKey: ['sequence'],
  activePointer: ['org', 'channel'],
  intent: ['opId'],
  release: ['org', 'tag', 'plugin'],
  client: ['org', 'id'],
  clientState: ['org', 'clientId'],
  changeRequest: ['org', 'number'],
  changeReview: ['org', 'number', 'id'],
  commitAuthor: ['org', 'commit', 'actor'],
  secret: ['org', 'name'],
  bindingSecret: ['org', 'scope', 'binding', 'name'],
  pluginValue: ['org', 'source', 'pluginId', 'scope', 'binding', 'key'],
  upstream: ['org'],
  upstreamCondition: ['org', 'id'],
  job: ['id'],
  hostPlugin: ['id'],
  bindingStop: ['org', 'scope', 'id'],
  integrationHealth: ['org', 'integration', 'id'],
  hookEvent: ['org', 'id'],
  hookDelivery: ['org', 'eventId', 'scope', 'binding'],
  outboxMessage: ['org', 'scope', 'binding', 'eventId'],
  outboxSuspension: ['org', 'scope', 'binding'],
  // Whoever was logged in logs in again.
  session: null,
  lockout: null,
  keptAnswer: null,
  // One that comes again has an upstream looked at once more.
  webhookDelivery: null,
  // Repositories that are restored are whole.
  quarantine: null,
  // Their files are not in a backup: bundles are sealed anew.
  sealedBody: null,
  sealedPacket: null,
} as const satisfies {
  [Table in keyof Tables]: readonly (keyof Tables[Table] & string)[] | null;
};
