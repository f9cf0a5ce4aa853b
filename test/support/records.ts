import type { AuditEntry } from '../../src/audit/entry.ts';
import type { ChangeRequest, Review } from '../../src/changes/change-request.ts';
import type { Client } from '../../src/delivery/client.ts';
import type { ActivePointer, Intent, ReleaseRow } from '../../src/delivery/publication.ts';
import type { SealedBody } from '../../src/delivery/sealed.ts';
import type { ApiKey } from '../../src/identity/api-key.ts';
import type { FeedToken } from '../../src/identity/feed-token.ts';
import type { Member } from '../../src/identity/member.ts';
import type { Org } from '../../src/identity/org.ts';
import type { Session } from '../../src/identity/session.ts';
import type { User } from '../../src/identity/user.ts';
import type { ProviderSettings } from '../../src/mirror/provider/settings.ts';
import type { Condition, Upstream } from '../../src/mirror/upstream.ts';
import { eventOf, type HookEvent } from '../../src/plugin-host/events/event.ts';
import type { OutboxMessage } from '../../src/plugin-host/events/outbox.ts';
import type { OrgKey } from '../../src/signing/keys.ts';

/** Whole records for tests that care about one or two of their fields. */
const at = '2026-03-01T12:00:00.000Z';

export const makeEntry = (part: Partial<AuditEntry> = {}): AuditEntry => ({
  at,
  tenant: 'acme',
  actor: 'user:ada',
  action: 'test.act',
  resource: 'thing',
  ...part,
});

export const makeOrg = (slug: string, part: Partial<Org> = {}): Org => ({
  slug,
  name: `The ${slug} company`,
  uid: `uid-of-${slug}`,
  repoUid: `repo-of-${slug}`,
  mode: 'hosted',
  state: 'active',
  tier: 'standard',
  createdAt: at,
  version: 1,
  ...part,
});

/** Its id is of no UUID's form, for tests to read. */
export const makeUser = (username: string, part: Partial<User> = {}): User => ({
  id: `id-of-${username}`,
  username,
  displayName: `Mx ${username}`,
  email: `${username}@acme.example`,
  passwordHash: null,
  isSiteAdmin: false,
  createdAt: at,
  disabledAt: null,
  version: 1,
  ...part,
});

export const makeMember = (username: string, part: Partial<Member> = {}): Member => ({
  org: 'acme',
  userId: `id-of-${username}`,
  roles: ['editor'],
  departments: ['sales'],
  createdAt: at,
  version: 1,
  ...part,
});

export const makeSession = (id: string, part: Partial<Session> = {}): Session => ({
  id,
  userId: 'id-of-ada',
  secretHash: 'ab'.repeat(32),
  org: null,
  teams: ['field'],
  createdAt: at,
  lastSeenAt: at,
  expiresAt: '2026-03-08T12:00:00.000Z',
  ...part,
});

export const makeFeedToken = (id: string, part: Partial<FeedToken> = {}): FeedToken => ({
  id,
  org: 'acme',
  name: 'a wall screen',
  selector: { channel: 'stable', plugins: ['sales'] },
  teams: ['field'],
  secretHash: 'ab'.repeat(32),
  createdAt: at,
  createdBy: 'user:ada',
  revokedAt: null,
  lastUsedAt: null,
  ...part,
});

export const makeApiKey = (id: string, part: Partial<ApiKey> = {}): ApiKey => ({
  id,
  org: 'acme',
  name: 'build server',
  secretHash: 'ab'.repeat(32),
  user: 'ada@acme.example',
  userId: null,
  teams: ['field', 'back-office'],
  roles: ['publisher', 'viewer'],
  scopes: null,
  createdAt: at,
  createdBy: 'user:ada',
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
  ...part,
});

export const makeClient = (id: string, part: Partial<Client> = {}): Client => ({
  org: 'acme',
  id,
  name: 'laptop',
  labels: { os: 'linux', site: 'Zürich' },
  publicKey: null,
  keyFingerprint: null,
  channel: 'stable',
  environment: null,
  tokenHash: `token-of-${id}`,
  enrolledBy: '0123456789abcdef',
  createdAt: at,
  revokedAt: null,
  version: 1,
  ...part,
});

export const makePointer = (part: Partial<ActivePointer> = {}): ActivePointer => ({
  org: 'acme',
  channel: 'rolling',
  desired: '1'.repeat(40),
  active: '1'.repeat(40),
  digest: 'ab'.repeat(32),
  sequence: 1,
  diagnostics: [],
  ...part,
});

export const makeIntent = (opId: string, part: Partial<Intent> = {}): Intent => ({
  opId,
  org: 'acme',
  ref: 'refs/heads/main',
  old: '1'.repeat(40),
  new: '2'.repeat(40),
  actor: 'key:0123456789abcdef',
  action: 'push',
  createdAt: at,
  ...part,
});

export const makeRelease = (version: string, part: Partial<ReleaseRow> = {}): ReleaseRow => ({
  org: 'acme',
  tag: `sales--v${version}`,
  tagOid: '3'.repeat(40),
  plugin: 'sales',
  version,
  seq: 1,
  commit: '1'.repeat(40),
  tree: '4'.repeat(40),
  contentDigest: `sha256:${'cd'.repeat(32)}`,
  publishedAt: at,
  publishedBy: 'user:ada',
  notes: 'First.\n',
  recordDigest: 'ef'.repeat(32),
  ...part,
});

export const makeOrgKey = (fingerprint: string, part: Partial<OrgKey> = {}): OrgKey => ({
  org: 'acme',
  role: 'release',
  fingerprint,
  publicArmored: '-----BEGIN PGP PUBLIC KEY BLOCK-----',
  wrappedPrivate: 'd3JhcHBlZA==',
  createdAt: at,
  retiredAt: null,
  ...part,
});

export const makeBody = (key: string, part: Partial<SealedBody> = {}): SealedBody => ({
  org: 'acme',
  key,
  bodyDigest: `digest-of-${key}`,
  size: 5_000_000_000,
  wrappedKey: 'd3JhcHBlZA==',
  createdAt: at,
  ...part,
});

export const makeChangeRequest = (part: Partial<ChangeRequest> = {}): ChangeRequest => ({
  org: 'acme',
  number: 1,
  title: 'Say how to call the server',
  description: 'Because nobody knew.\n',
  source: 'say-how',
  target: 'main',
  author: 'user:ada',
  head: '5'.repeat(40),
  status: 'open',
  createdAt: at,
  updatedAt: at,
  mergedAt: null,
  mergeCommit: null,
  mergeBase: null,
  url: null,
  version: 1,
  pending: null,
  ...part,
});

export const makeReview = (id: string, part: Partial<Review> = {}): Review => ({
  org: 'acme',
  number: 1,
  id,
  reviewer: 'user:grace',
  verdict: 'approved',
  body: 'Good.',
  head: '5'.repeat(40),
  createdAt: at,
  ...part,
});

export const makeUpstream = (part: Partial<Upstream> = {}): Upstream => ({
  org: 'acme',
  url: 'https://git.example/registry.git',
  branch: 'main',
  username: 'waymark',
  secretRef: 'upstream',
  knownHosts: null,
  provider: null,
  version: 1,
  head: null,
  lastAttemptAt: null,
  lastSuccessAt: null,
  lastError: null,
  lastWriteError: null,
  ...part,
});

export const makeProvider = (part: Partial<ProviderSettings> = {}): ProviderSettings => ({
  kind: 'github',
  apiUrl: null,
  project: null,
  tokenRef: 'api-token',
  webhookRefs: [],
  ...part,
});

export const makeCondition = (id: string, part: Partial<Condition> = {}): Condition => ({
  org: 'acme',
  id,
  kind: 'force-push',
  ref: 'refs/heads/main',
  old: '1'.repeat(40),
  new: '2'.repeat(40),
  diagnostics: [],
  raisedAt: at,
  acceptedAt: null,
  acceptedBy: null,
  ...part,
});

/** Its id is of no UUID's form, for tests to read. */
export const makeEvent = (id: string, part: Partial<HookEvent> = {}): HookEvent => ({
  ...eventOf({
    org: 'acme',
    type: 'approval.created',
    at,
    data: { approvalId: 'change-requests/1' },
  }),
  id,
  ...part,
});

export const makeMessage = (eventId: string, part: Partial<OutboxMessage> = {}): OutboxMessage => ({
  org: 'acme',
  scope: 'org',
  id: 'webhooks',
  eventId,
  event: {
    id: eventId,
    type: 'approval.created',
    timestamp: at,
    orgId: 'acme',
    namespaceId: null,
    departmentId: null,
    data: { approvalId: 'change-requests/1' },
  },
  state: 'pending',
  attempts: 0,
  dueAt: at,
  changedAt: at,
  lastStatus: null,
  lastError: null,
  ...part,
});
