import { checkUpdates, parseInstalled, selectorFields } from '../delivery/check-updates.ts';
import { findDrift, parseReport } from '../delivery/client-report.ts';
import {
  describeClient,
  type Enrolment,
  enrolClient,
  getClient,
  revokeClient,
  rotateKey,
} from '../delivery/enrol.ts';
import { channelOf, resolveAll } from '../delivery/resolve.ts';
import { parseSelector } from '../delivery/selector.ts';
import type { Caller } from '../identity/caller.ts';
import { toTime } from '../model/clock.ts';
import { sha256Hex } from '../model/digest.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { checkRecipientKey } from '../signing/recipient.ts';
import { placeHeaders } from './delivery-answer.ts';
import {
  askerOf,
  BASE,
  type DeliveryRouteDeps,
  deliveryOf,
  seesDiagnostics,
} from './delivery-context.ts';
import {
  clientShape,
  clientsShape,
  enrolledShape,
  pageQuery,
  reportedShape,
  stateShape,
  updatesShape,
} from './delivery-shapes.ts';
import { jsonBody } from './json-body.ts';
import { type Route, route } from './route.ts';
import { checkPermission } from './tenant.ts';

const enrolBody = jsonBody<Omit<Enrolment, 'org'>>({
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 200 },
    labels: {
      type: 'object',
      maxProperties: 50,
      additionalProperties: { type: 'string', maxLength: 200 },
    },
    publicKey: { type: 'string', maxLength: 65_536 },
    channel: { type: 'string', maxLength: 63 },
    environment: { type: 'string', maxLength: 63 },
  },
});

const rotationBody = jsonBody<{ publicKey: string }>({
  type: 'object',
  required: ['publicKey'],
  additionalProperties: false,
  properties: { publicKey: { type: 'string', maxLength: 65_536 } },
});

const anyBody = jsonBody<unknown>({});

/** A client acts for itself alone; for others, the permission is needed. */
function checkOwn(caller: Caller, id: string, permission: 'clients:read' | 'clients:write'): void {
  if (caller.kind === 'client') {
    if (caller.id === id) return;
    throw new WaymarkError('RES_NOT_FOUND', `there is no client ${id}`);
  }
  checkPermission(caller, permission);
}

export function clientRoutes(deps: DeliveryRouteDeps): Route[] {
  return [...registerRoutes(deps), ...manageRoutes(deps), ...reportRoutes(deps)];
}

function registerRoutes({ deliveries, clients, clock }: DeliveryRouteDeps): Route[] {
  return [
    route({
      method: 'post',
      path: `${BASE}/clients`,
      permission: 'agents:enroll',
      summary: 'Enrols a client; its token is shown this once.',
      answers: { 201: { data: enrolledShape } },
      body: enrolBody,
      async handle({ org, caller: { id, actor }, requestId, body }) {
        const delivery = deliveryOf(deliveries, org);
        if (body.channel !== undefined && body.channel !== 'rolling') {
          channelOf(delivery.runtime.view, body.channel);
        }
        const enroller = { id, actor, requestId };
        const { client, token } = await enrolClient(clients, { ...body, org }, enroller, clock);
        const root = delivery.runtime.roots.at(-1)!;
        return {
          status: 201,
          headers: { Location: `/v1/orgs/${org}/delivery/clients/${client.id}` },
          body: {
            clientId: client.id,
            token,
            root: {
              version: root.version,
              sha256: sha256Hex(root.body),
              document: JSON.parse(root.body) as unknown,
              body: root.body,
              signature: root.signature,
            },
          },
        };
      },
    }),
    route({
      method: 'get',
      path: `${BASE}/clients`,
      permission: 'clients:read',
      summary: 'Lists the clients, by id.',
      query: pageQuery,
      answers: { 200: { data: clientsShape } },
      async handle({ org, query }) {
        const limit = Number(query.get('limit') ?? 100);
        if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
          throw invalidField('limit', 'a whole number from 1 to 100');
        }
        const found = await clients.list(org, query.get('cursor') ?? '', limit + 1);
        const items = found.slice(0, limit).map(describeClient);
        const nextCursor = found.length > limit ? items.at(-1)!.id : null;
        return { status: 200, body: { items, nextCursor } };
      },
    }),
  ];
}

function manageRoutes(deps: DeliveryRouteDeps): Route[] {
  const { clients, bundles, authenticator, clock } = deps;
  const path = `${BASE}/clients/:clientId` as const;
  const forgetKey = async (org: string, armored: string | null) => {
    if (armored === null) return;
    const { subkey } = await checkRecipientKey(armored);
    await bundles.forget(org, subkey);
  };
  return [
    route({
      method: 'get',
      path,
      permission: 'delivery:read',
      summary: 'Describes one client.',
      answers: { 200: { data: clientShape } },
      async handle({ org, caller, params }) {
        const id = (params as { clientId: string }).clientId;
        checkOwn(caller, id, 'clients:read');
        return { status: 200, body: describeClient(await getClient(clients, org, id)) };
      },
    }),
    route({
      method: 'delete',
      path,
      permission: 'delivery:read',
      summary: 'Revokes a client.',
      answers: { 204: null },
      async handle({ org, caller, params, requestId, ifMatch }) {
        const id = (params as { clientId: string }).clientId;
        checkOwn(caller, id, 'clients:write');
        const change = { org, id, actor: caller.actor, requestId, ifMatch };
        const { before } = await revokeClient(clients, change, clock);
        authenticator.invalidate(id);
        await forgetKey(org, before.publicKey);
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: `${path}/rotate-key`,
      permission: 'delivery:read',
      summary: 'Gives a client another public key.',
      answers: { 200: { data: clientShape } },
      body: rotationBody,
      async handle({ org, caller, params, body: { publicKey }, requestId, ifMatch }) {
        const id = (params as { clientId: string }).clientId;
        checkOwn(caller, id, 'clients:write');
        const change = { org, id, publicKey, actor: caller.actor, requestId, ifMatch };
        const { client, before } = await rotateKey(clients, change, clock);
        authenticator.invalidate(id);
        await forgetKey(org, before.publicKey);
        return { status: 200, body: describeClient(client) };
      },
    }),
  ];
}

function reportRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries, clients, states, clock } = deps;
  const path = `${BASE}/clients/:clientId` as const;
  return [
    route({
      method: 'post',
      path: `${path}/state`,
      permission: 'delivery:read',
      summary: 'Stores what a client has, as it reports it.',
      answers: { 200: { data: reportedShape } },
      body: anyBody,
      async handle({ org, caller, params, body }) {
        const id = (params as { clientId: string }).clientId;
        if (caller.kind !== 'client' || caller.id !== id) {
          throw new WaymarkError('RES_NOT_FOUND', `there is no client ${id} that you are`);
        }
        const report = JSON.stringify(parseReport(body));
        const reportedAt = toTime(clock());
        await states.save({ org, clientId: id, report, reportedAt });
        return { status: 200, body: { reportedAt } };
      },
    }),
    route({
      method: 'get',
      path: `${path}/state`,
      permission: 'delivery:read',
      summary: 'Gives a client’s last report, and where it differs from what it should have.',
      answers: { 200: { data: stateShape } },
      async handle({ org, caller, params }) {
        const id = (params as { clientId: string }).clientId;
        checkOwn(caller, id, 'clients:read');
        const client = await getClient(clients, org, id);
        const state = await clients.findState(org, id);
        if (!state) throw new WaymarkError('RES_NOT_FOUND', `client ${id} has not reported yet`);
        const report = parseReport(JSON.parse(state.report));
        const { runtime } = deliveryOf(deliveries, org);
        const selector = parseSelector(new URLSearchParams(), client.channel);
        const asker = { ...askerOf(caller), id };
        const drift = findDrift(report, await resolveAll(runtime, runtime.view, selector, asker));
        const body = { clientId: id, reportedAt: state.reportedAt, ...report, drift };
        return { status: 200, body };
      },
    }),
    route({
      method: 'post',
      path: `${path}/check-updates`,
      permission: 'delivery:read',
      summary: 'Says what a client should change.',
      answers: { 200: { data: updatesShape } },
      body: anyBody,
      async handle({ org, caller, params, body }) {
        const id = (params as { clientId: string }).clientId;
        checkOwn(caller, id, 'clients:read');
        const answer = await updatesFor(deps, org, caller, id, body);
        const { view } = deliveryOf(deliveries, org).runtime;
        return { status: 200, headers: placeHeaders(view), body: answer };
      },
    }),
  ];
}

/** Shared with the hot path, which has read and parsed the body by itself. */
export async function updatesFor(
  { deliveries, clients }: Pick<DeliveryRouteDeps, 'deliveries' | 'clients'>,
  org: string,
  caller: Caller,
  id: string,
  body: unknown,
) {
  const request = (body ?? {}) as { installed?: unknown; selector?: unknown };
  const client = caller.client ?? (await getClient(clients, org, id));
  const selector = parseSelector(selectorFields(request.selector), client.channel);
  const installed = parseInstalled(request.installed) ?? (await lastReported(clients, org, id));
  const delivery = deliveryOf(deliveries, org);
  const asker = { ...askerOf(caller), id };
  const options = { installed, selector, seesDiagnostics: seesDiagnostics(caller) };
  return await checkUpdates(delivery, delivery.runtime.view, asker, options);
}

async function lastReported(clients: DeliveryRouteDeps['clients'], org: string, id: string) {
  const state = await clients.findState(org, id);
  return state ? parseReport(JSON.parse(state.report)).plugins : [];
}
