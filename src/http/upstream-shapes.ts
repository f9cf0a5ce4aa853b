import { PROVIDER_KINDS } from '../mirror/provider/settings.ts';
import type { JsonSchema } from './route.ts';
import {
  diagnostic,
  listOf,
  objectOf,
  oid,
  ordinal,
  text,
  textOrNull,
  texts,
  time,
  timeOrNull,
} from './shapes.ts';

const orNull = (schema: JsonSchema): JsonSchema => ({ oneOf: [{ type: 'null' }, schema] });

export const conditionShape = objectOf({
  id: { type: 'string', format: 'uuid' },
  kind: { enum: ['force-push', 'tag-moved', 'tag-vanished', 'broken-commit'] },
  ref: text,
  old: oid,
  new: oid,
  diagnostics: listOf(diagnostic),
  raisedAt: time,
  acceptedAt: timeOrNull,
  acceptedBy: textOrNull,
});

const provider = objectOf({
  kind: { enum: [...PROVIDER_KINDS] },
  apiUrl: textOrNull,
  project: textOrNull,
  tokenRef: textOrNull,
  webhookRefs: texts,
});

const fault = { reason: text, message: text };

export const upstreamShape = objectOf({
  url: text,
  branch: text,
  credentials: orNull(objectOf({ secretRef: text, username: textOrNull })),
  knownHosts: textOrNull,
  provider: orNull(provider),
  version: ordinal,
  head: orNull(oid),
  lastAttemptAt: timeOrNull,
  lastSuccessAt: timeOrNull,
  lastError: orNull(objectOf(fault)),
  lastWriteError: orNull(objectOf({ what: { enum: ['status', 'release'] }, ...fault })),
  conditions: listOf(conditionShape),
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
