import type { AnswerShape, JsonSchema } from './route.ts';
import {
  anything,
  diagnostic,
  digest,
  flag,
  listOf,
  mapOf,
  objectOf,
  oid,
  text,
  textOrNull,
  time,
  whole,
} from './shapes.ts';

// docs/spec/delivery.md says what each field means.

/** One page of a list that goes on at a cursor. */
const cursorPage = (items: JsonSchema): JsonSchema =>
  objectOf({ items: listOf(items), nextCursor: textOrNull });

const policy = objectOf({ mode: text, override: text });

export const pluginShape = objectOf(
  {
    id: text,
    name: text,
    title: text,
    description: text,
    version: text,
    contentDigest: digest,
    policy,
    updatedAt: time,
  },
  ['description'],
);

export const pluginsShape = cursorPage(pluginShape);

export const releaseShape = objectOf(
  {
    plugin: text,
    version: text,
    tag: text,
    tagOid: oid,
    seq: whole,
    commit: oid,
    contentDigest: digest,
    publishedAt: time,
    notes: text,
    yanked: flag,
    yankReason: text,
    deprecated: anything,
  },
  ['yankReason', 'deprecated'],
);

export const releasesShape = cursorPage(releaseShape);

const file = objectOf({ path: text, digest, size: whole, mode: { enum: ['0644', '0755'] } });

const item = objectOf({
  configObjectId: text,
  type: text,
  title: text,
  versionId: oid,
  digest,
  requires: listOf(anything),
  inputs: listOf(anything),
  files: listOf(file),
  keys: listOf(anything),
  targets: mapOf(text),
});

export const manifestShape = objectOf({
  plugin: objectOf({ id: text, name: text, version: text, contentDigest: digest, policy }),
  resolved: objectOf(
    { org: text, orgUid: text, channel: text, seq: whole, commit: oid, tree: oid, release: text },
    ['channel', 'release'],
  ),
  layout: text,
  items: listOf(item),
  files: listOf(file),
  bundle: objectOf({ url: text, contentBytes: whole }),
});

const indexEntry = objectOf(
  {
    version: text,
    seq: whole,
    contentDigest: digest,
    size: whole,
    yanked: { const: true },
    downgrade: objectOf({ statement: text, signature: text }),
  },
  ['yanked', 'downgrade'],
);

export const indexShape = objectOf(
  {
    _type: { const: 'index' },
    org: text,
    orgUid: text,
    channel: text,
    sequence: whole,
    commit: oid,
    issuedAt: time,
    expiresAt: time,
    rootVersion: whole,
    resolutionDigest: digest,
    plugins: mapOf(indexEntry),
    diagnostics: listOf(diagnostic),
  },
  ['diagnostics'],
);

const role = objectOf({ keyids: listOf(text), threshold: whole });

export const rootShape = objectOf({
  _type: { const: 'root' },
  org: text,
  orgUid: text,
  version: whole,
  issuedAt: time,
  expiresAt: time,
  custody: { enum: ['server', 'offline'] },
  roles: objectOf({ root: role, release: role, index: role }),
  keys: mapOf(objectOf({ armored: text })),
});

export const clientShape = objectOf({
  id: text,
  name: text,
  labels: mapOf(text),
  keyFingerprint: textOrNull,
  channel: textOrNull,
  environment: textOrNull,
  enrolledBy: text,
  createdAt: time,
  version: whole,
});

export const clientsShape = cursorPage(clientShape);

export const enrolledShape = objectOf({
  clientId: text,
  token: text,
  root: objectOf({
    version: whole,
    sha256: text,
    document: rootShape,
    body: text,
    signature: text,
  }),
});

export const reportedShape = objectOf({ reportedAt: time });

const reportedItem = objectOf(
  { configObjectId: text, digest: text, state: text, overrideDigest: text },
  ['overrideDigest'],
);

/** With whatever else the client reported: it is kept as it came. */
export const stateShape: JsonSchema = {
  type: 'object',
  required: ['clientId', 'reportedAt', 'plugins', 'drift'],
  properties: {
    clientId: text,
    reportedAt: time,
    clientVersion: text,
    plugins: listOf({
      type: 'object',
      required: ['pluginId', 'contentDigest'],
      properties: {
        pluginId: text,
        version: text,
        contentDigest: text,
        items: listOf({ ...reportedItem, additionalProperties: true }),
      },
    }),
    drift: listOf(
      objectOf(
        {
          pluginId: text,
          reason: { enum: ['outdated', 'not_available', 'modified'] },
          have: text,
          want: text,
          items: listOf(text),
        },
        ['have', 'want', 'items'],
      ),
    ),
  },
};

const change = objectOf({
  configObjectId: text,
  fromDigest: text,
  toDigest: digest,
  versionId: oid,
});

const update = objectOf(
  {
    pluginId: text,
    op: { enum: ['install', 'update', 'remove', 'rollback'] },
    reason: {
      enum: [
        'new_release',
        'new_commit',
        'required',
        'access_revoked',
        'yanked',
        'rollback',
        'drift',
        'plugin_deleted',
      ],
    },
    from: objectOf({ version: text, commit: text, contentDigest: text }, [
      'version',
      'commit',
      'contentDigest',
    ]),
    to: objectOf({ version: text, commit: oid, contentDigest: digest }),
    items: objectOf({
      added: listOf(objectOf({ configObjectId: text, toDigest: digest, versionId: oid })),
      changed: listOf(change),
      removed: listOf(objectOf({ configObjectId: text, fromDigest: text })),
    }),
    download: objectOf({ full: text, delta: text, fullSize: whole, deltaSize: whole }, [
      'delta',
      'deltaSize',
    ]),
  },
  ['from', 'to', 'download'],
);

export const updatesShape = objectOf({
  index: objectOf({ channel: text, sequence: whole, sha256: text }),
  updates: listOf(update),
  unchanged: listOf(text),
  nextCheckAfterSec: whole,
});

/** What is no JSON, and goes out as it is. */
export const rawOf = (contentType: string): AnswerShape => ({
  data: { type: 'string', contentMediaType: contentType },
  contentType,
});

export const signatureAnswers = { 200: rawOf('application/pgp-signature'), 304: null };
export const bytesAnswers = {
  200: rawOf('application/octet-stream'),
  206: rawOf('application/octet-stream'),
  304: null,
};

/** One of them says which content is meant. */
export const selectors = { channel: text, release: text, commit: text, environment: text };
export const manifestQuery = { ...selectors, layout: text, contentDigest: text };
export const bundleQuery = { ...manifestQuery, format: text, since: text, encryption: text };
export const pageQuery = { limit: text, cursor: text };
