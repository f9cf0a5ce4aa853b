import type { KeyStore } from '../delivery/key-store.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { Clock } from '../model/clock.ts';
import { exportRootKey } from '../release/export-root-key.ts';
import { type KeyCustody, summarizeRoot } from '../release/key-custody.ts';
import { draftRotation, type SignedDraft, storeSignedDraft } from '../release/offline-rotation.ts';
import { rotateKeys } from '../release/rotate-keys.ts';
import { KEY_ROLES, type KeyRole } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import type { RootDocument } from '../signing/root.ts';
import { jsonBody } from './json-body.ts';
import { BASE64 } from './patterns.ts';
import { type Answer, type Call, type Route, route } from './route.ts';
import { fingerprint, flag, listOf, objectOf, text, time, whole } from './shapes.ts';
import { noSuchOrg } from './tenant.ts';

export interface KeyRouteDeps {
  runtimes: OrgRuntimes;
  keys: KeyStore;
  master: MasterKey;
  clock: Clock;
}

interface RotateBody {
  roles: KeyRole[];
  compromised?: boolean;
}

const rotation = {
  roles: { type: 'array', uniqueItems: true, items: { enum: [...KEY_ROLES] } },
  compromised: flag,
};

const rotateBody = jsonBody<RotateBody>({
  type: 'object',
  required: ['roles'],
  additionalProperties: false,
  properties: rotation,
});

const draftBody = jsonBody<RotateBody & { rootKey?: string }>({
  type: 'object',
  required: ['roles'],
  additionalProperties: false,
  properties: { ...rotation, rootKey: { type: 'string' } },
});

const signedBody = jsonBody<SignedDraft>({
  type: 'object',
  required: ['body', 'signature', 'keys'],
  additionalProperties: false,
  properties: {
    body: { type: 'string', maxLength: 262_144 },
    signature: { type: 'string', maxLength: 16_384, pattern: BASE64 },
    keys: {
      type: 'array',
      maxItems: 2,
      items: {
        type: 'object',
        required: ['role', 'fingerprint', 'wrappedPrivate'],
        additionalProperties: false,
        properties: {
          role: { enum: ['release', 'index'] },
          fingerprint,
          wrappedPrivate: { type: 'string', maxLength: 16_384 },
        },
      },
    },
  },
});

const exportBody = jsonBody<{ remove?: boolean }>({
  type: 'object',
  additionalProperties: false,
  properties: { remove: flag },
});

const summaryShape = objectOf({
  version: whole,
  custody: { enum: ['server', 'offline'] },
  expiresAt: time,
  root: listOf(fingerprint),
  release: listOf(fingerprint),
  index: listOf(fingerprint),
});
const exportShape = objectOf({
  fingerprint,
  armored: text,
  rootVersion: whole,
  custody: { enum: ['server', 'offline'] },
});
const draftShape = objectOf({
  body: text,
  keys: listOf(
    objectOf({ role: { enum: ['release', 'index'] }, fingerprint, wrappedPrivate: text }),
  ),
});
const example = {
  version: 2,
  custody: 'server',
  expiresAt: '2027-11-21T06:53:57.831Z',
  root: ['831176ED6A1F0F5D2C3B4A5968778695A4B3C2D1'],
  release: ['14AB769A0F1E2D3C4B5A69788796A5B4C3D2E1F0'],
  index: ['979580230F1E2D3C4B5A69788796A5B4C3D2E1F0'],
};

const keyWork = { method: 'post', permission: 'keys:rotate' } as const;

/** Who holds an org's keys, and their replacement. */
export function keyRoutes({ runtimes, ...deps }: KeyRouteDeps): Route[] {
  const custodyOf = ({ org, caller, requestId }: Call): KeyCustody => {
    const runtime = runtimes.find(org);
    if (!runtime) throw noSuchOrg(org);
    return { ...deps, runtime, actor: caller.actor, requestId };
  };
  const rooted = ({ org }: Pick<Call, 'org'>, root: RootDocument): Answer => ({
    status: 201,
    body: summarizeRoot(root),
    headers: { Location: `/v1/orgs/${org}/delivery/root/${root.version}` },
  });

  return [
    route({
      ...keyWork,
      path: '/keys/rotate',
      summary: 'Makes new signing keys, and the root that says so.',
      answers: { 201: { data: summaryShape, example } },
      body: rotateBody,
      async handle(call) {
        const { roles, compromised = false } = call.body;
        return rooted(call, await rotateKeys(custodyOf(call as Call), { roles, compromised }));
      },
    }),
    route({
      ...keyWork,
      path: '/keys/rotate/draft',
      summary: 'Drafts the next root, for whoever has the root key.',
      answers: { 200: { data: draftShape } },
      body: draftBody,
      async handle(call) {
        const { roles, compromised = false, rootKey } = call.body;
        const draft = await draftRotation(custodyOf(call as Call), { roles, compromised, rootKey });
        return { status: 200, body: draft };
      },
    }),
    route({
      ...keyWork,
      path: '/keys/rotate/signed',
      summary: 'Takes over a draft that was signed elsewhere.',
      answers: { 201: { data: summaryShape, example } },
      body: signedBody,
      async handle(call) {
        return rooted(call, await storeSignedDraft(custodyOf(call as Call), call.body));
      },
    }),
    route({
      ...keyWork,
      path: '/keys/root/export',
      summary: 'Hands out the private root key, and takes it off the server if asked to.',
      answers: { 200: { data: exportShape } },
      body: exportBody,
      async handle(call) {
        const { remove = false } = call.body;
        return { status: 200, body: await exportRootKey(custodyOf(call as Call), { remove }) };
      },
    }),
  ];
}
