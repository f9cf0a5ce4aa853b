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
import { type Answer, type Call, type Route, route } from './route.ts';
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
  compromised: { type: 'boolean' },
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
    signature: { type: 'string', maxLength: 16_384, pattern: '^[A-Za-z0-9+/]+={0,2}$' },
    keys: {
      type: 'array',
      maxItems: 2,
      items: {
        type: 'object',
        required: ['role', 'fingerprint', 'wrappedPrivate'],
        additionalProperties: false,
        properties: {
          role: { enum: ['release', 'index'] },
          fingerprint: { type: 'string', pattern: '^[0-9A-F]{40}$' },
          wrappedPrivate: { type: 'string', maxLength: 16_384 },
        },
      },
    },
  },
});

const exportBody = jsonBody<{ remove?: boolean }>({
  type: 'object',
  additionalProperties: false,
  properties: { remove: { type: 'boolean' } },
});

const keyWork = { method: 'post', permission: 'keys:rotate' } as const;

/** Who holds an org's keys, and their replacement. */
export function keyRoutes({ runtimes, ...deps }: KeyRouteDeps): Route[] {
  const custodyOf = ({ org, caller, requestId }: Call): KeyCustody => {
    const runtime = runtimes.find(org);
    if (!runtime) throw noSuchOrg(org);
    return { ...deps, runtime, actor: caller.actor, requestId };
  };
  const rooted = (root: RootDocument): Answer => ({ status: 201, body: summarizeRoot(root) });

  return [
    route({
      ...keyWork,
      path: '/keys/rotate',
      body: rotateBody,
      async handle(call) {
        const { roles, compromised = false } = call.body;
        return rooted(await rotateKeys(custodyOf(call as Call), { roles, compromised }));
      },
    }),
    route({
      ...keyWork,
      path: '/keys/rotate/draft',
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
      body: signedBody,
      handle: async (call) => rooted(await storeSignedDraft(custodyOf(call as Call), call.body)),
    }),
    route({
      ...keyWork,
      path: '/keys/root/export',
      body: exportBody,
      async handle(call) {
        const { remove = false } = call.body;
        return { status: 200, body: await exportRootKey(custodyOf(call as Call), { remove }) };
      },
    }),
  ];
}
