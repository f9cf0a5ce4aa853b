import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  CHECKPOINT_FIELDS,
  type CheckpointDeps,
  type CheckpointStore,
  makeCheckpoint,
} from '../audit/checkpoints.ts';
import { AUDIT_FIELDS, type AuditStore } from '../audit/entry.ts';
import { readChain } from '../audit/read-chain.ts';
import { verifyChain } from '../audit/verify-chain.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Checkpoint } from '../signing/checkpoint.ts';
import type { Keyring } from '../signing/org-keys.ts';
import { chainReportShape, checkpointShape, entryShape } from './audit-shapes.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { type Call, type Route, route } from './route.ts';
import { noSuchOrg, SITE } from './tenant.ts';

interface Deps extends CheckpointDeps {
  audit: AuditStore;
  checkpoints: CheckpointStore;
  runtimes: { find(org: string): { org: { slug: string }; keyring: Keyring } | undefined };
}

/** A removed org's log is there still, and has nobody but the site's administrators to read it. */
const tenantQuery = { tenant: { type: 'string', maxLength: 63 } } as const;

const tenantOf = ({ org, query }: Pick<Call, 'org' | 'query'>): string => {
  const named = query.get('tenant');
  if (named === null || named === org) return org;
  if (org === SITE) return named;
  throw invalidField('tenant', 'only site administrators name one, with X-Waymark-Org: *');
};

const reading = { method: 'get', permission: 'audit:read' } as const;

/** What was done, by whom, and the proof that nothing of it was changed since. */
export function auditRoutes(deps: Deps): Route[] {
  return [listRoute(deps), verifyRoute(deps), ...checkpointRoutes(deps)];
}

function listRoute({ audit }: Deps): Route {
  return route({
    ...reading,
    path: '/audit',
    summary: 'Lists the entries of the audit log, or gives all of it as one JSON text a line.',
    query: { ...tenantQuery, format: { enum: ['json', 'ndjson'] } },
    fields: AUDIT_FIELDS,
    answers: { 200: { data: entryShape, isPage: true } },
    async handle(call) {
      if (call.query.get('format') === 'ndjson') return await sendChain(audit, call);
      const listing = listingOf(call.query, AUDIT_FIELDS, '-sequence');
      return pagedAnswer(await audit.page(tenantOf(call), listing), listing);
    },
  });
}

/** All of the chain: a part of it would prove nothing. */
async function sendChain(audit: AuditStore, call: Call): Promise<undefined> {
  for (const name of ['filter', 'sort', 'page', 'pageSize']) {
    if (call.query.has(name)) throw invalidField(name, 'an export has every entry, in their order');
  }
  const parts = readChain(audit, tenantOf(call));
  async function* lines(): AsyncGenerator<string> {
    for await (const part of parts)
      yield part.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  }
  const { response } = call;
  response.set({ 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
  await pipeline(Readable.from(lines()), response);
  return undefined;
}

function verifyRoute(deps: Deps): Route {
  return route({
    ...reading,
    path: '/audit/verify',
    summary: 'Recomputes the chain of the audit log, and holds it against its newest checkpoint.',
    query: tenantQuery,
    answers: { 200: { data: chainReportShape } },
    handle: async (call) => ({ status: 200, body: await verifyChain(deps, tenantOf(call)) }),
  });
}

function checkpointRoutes(deps: Deps): Route[] {
  const path = '/audit/checkpoints';
  return [
    route({
      ...reading,
      path,
      summary: 'Lists the signed checkpoints of the audit log.',
      fields: CHECKPOINT_FIELDS,
      answers: { 200: { data: checkpointShape, isPage: true } },
      async handle({ org, query }) {
        const listing = listingOf(query, CHECKPOINT_FIELDS, '-sequence');
        return pagedAnswer(await deps.checkpoints.list(org, listing), listing);
      },
    }),
    route({
      ...reading,
      path: `${path}/:sequence`,
      summary: 'One signed checkpoint, by the sequence of the entry that it vouches for.',
      answers: { 200: { data: checkpointShape } },
      handle: async ({ org, params: { sequence } }) => ({
        status: 200,
        body: await checkpointAt(deps.checkpoints, org, sequence),
      }),
    }),
    route({
      method: 'post',
      path,
      permission: 'audit:read',
      summary: 'Signs where the audit log stands now, to be kept elsewhere.',
      answers: { 200: { data: checkpointShape }, 201: { data: checkpointShape } },
      async handle({ org, caller: { actor }, requestId }) {
        if (org === SITE) throw new WaymarkError('RES_STATE_CONFLICT', NO_SITE_KEY);
        const runtime = deps.runtimes.find(org);
        if (!runtime) throw noSuchOrg(org);
        const made = await makeCheckpoint(deps, runtime, { actor, requestId });
        if (made) {
          return {
            status: 201,
            body: made,
            headers: { Location: `/api/v1${path}/${made.sequence}` },
          };
        }
        return { status: 200, body: await deps.checkpoints.latest(org) };
      },
    }),
  ];
}

async function checkpointAt(
  checkpoints: Pick<CheckpointStore, 'list'>,
  org: string,
  sequence: string,
): Promise<Checkpoint> {
  const filter = { field: 'sequence', operator: 'eq', value: Number(sequence) } as const;
  const isNumber = /^[1-9]\d{0,14}$/.test(sequence);
  const listing = { filter, sort: [], page: 1, pageSize: 1 };
  const [found] = isNumber ? (await checkpoints.list(org, listing)).items : [];
  if (found) return found;
  throw new WaymarkError('RES_NOT_FOUND', `there is no checkpoint of entry ${sequence}`);
}

const NO_SITE_KEY = 'the site has no key to sign its own log with: keep an export of it instead';
