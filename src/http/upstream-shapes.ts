import { PROVIDER_KINDS } from '../mirror/provider/settings.ts';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const time = { type: 'string', format: 'date-time' };
const timeOrNull = { type: ['string', 'null'], format: 'date-time' };
const oid = { type: 'string', pattern: '^[0-9a-f]{40}$' };

const all = (properties: Record<string, unknown>) => ({
  type: 'object',
  required: Object.keys(properties),
  additionalProperties: false,
  properties,
});

const diagnostic = {
  type: 'object',
  required: ['severity', 'code', 'path', 'line', 'column', 'pointer', 'message'],
  additionalProperties: false,
  properties: {
    severity: { enum: ['error', 'warning'] },
    code: text,
    path: text,
    line: { type: 'integer' },
    column: { type: 'integer' },
    pointer: text,
    message: text,
    hint: text,
  },
};

export const conditionShape = all({
  id: { type: 'string', format: 'uuid' },
  kind: { enum: ['force-push', 'tag-moved', 'tag-vanished', 'broken-commit'] },
  ref: text,
  old: oid,
  new: oid,
  diagnostics: { type: 'array', items: diagnostic },
  raisedAt: time,
  acceptedAt: timeOrNull,
  acceptedBy: textOrNull,
});

const provider = all({
  kind: { enum: [...PROVIDER_KINDS] },
  apiUrl: textOrNull,
  project: textOrNull,
  tokenRef: textOrNull,
  webhookRefs: { type: 'array', items: text },
});

const fault = { reason: text, message: text };
const orNull = (schema: object) => ({ oneOf: [{ type: 'null' }, schema] });

export const upstreamShape = all({
  url: text,
  branch: text,
  credentials: {
    oneOf: [{ type: 'null' }, all({ secretRef: text, username: textOrNull })],
  },
  knownHosts: textOrNull,
  provider: { oneOf: [{ type: 'null' }, provider] },
  version: { type: 'integer', minimum: 1 },
  head: { oneOf: [{ type: 'null' }, oid] },
  lastAttemptAt: timeOrNull,
  lastSuccessAt: timeOrNull,
  lastError: orNull(all(fault)),
  lastWriteError: orNull(all({ what: { enum: ['status', 'release'] }, ...fault })),
  conditions: { type: 'array', items: conditionShape },
});

export const conditionExample = {
  id: '019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a11',
  kind: 'force-push',
  ref: 'refs/heads/main',
  old: '1f2e3d4c5b6a79880716253443526170f9e8d7c6',
  new: 'a0b1c2d3e4f5061728394a5b6c7d8e9f00112233',
  diagnostics: [],
  raisedAt: '2026-11-21T06:53:57.831Z',
  acceptedAt: null,
  acceptedBy: null,
};

export const upstreamExample = {
  url: 'https://git.example.com/team/registry.git',
  branch: 'main',
  credentials: { secretRef: 'upstream-token', username: 'waymark' },
  knownHosts: null,
  provider: {
    kind: 'gitea',
    apiUrl: null,
    project: null,
    tokenRef: 'gitea-token',
    webhookRefs: ['webhook'],
  },
  version: 1,
  head: '1f2e3d4c5b6a79880716253443526170f9e8d7c6',
  lastAttemptAt: '2026-11-21T06:53:57.831Z',
  lastSuccessAt: '2026-11-21T06:53:58.120Z',
  lastError: null,
  lastWriteError: null,
  conditions: [conditionExample],
};
