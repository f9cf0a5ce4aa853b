import type { BundleCache } from '../delivery/bundle-cache.ts';
import type { ClientStore } from '../delivery/client.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import { type Choice, findReleaseById, resolveAll } from '../delivery/resolve.ts';
import type { OrgDelivery } from '../delivery/service.ts';
import { etagOf } from '../delivery/signed.ts';
import type { StateWriter } from '../delivery/state-writer.ts';
import { isYanked, type View } from '../delivery/view.ts';
import { waitForChange, waitOf } from '../delivery/watch.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Clock } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import {
  IMMUTABLE,
  matchesEtag,
  type PreparedAnswer,
  signedAnswer,
  writePrepared,
} from './delivery-answer.ts';
import { clientRoutes } from './delivery-client-routes.ts';
import { askerOf, deliveryOf, selectorOf } from './delivery-context.ts';
import { indexAnswer, jsonAnswer, manifestAnswer, signatureAnswer } from './delivery-documents.ts';
import { downloadRoutes } from './delivery-download-routes.ts';
import { type Call, type Route, route } from './route.ts';

export interface DeliveryRouteDeps {
  deliveries: Deliveries;
  clients: ClientStore;
  states: StateWriter;
  bundles: BundleCache;
  artifacts: ArtifactStore;
  authenticator: Pick<Authenticator, 'invalidate'>;
  clock: Clock;
}

const BASE = '/:orgId/delivery';
const read = { method: 'get', permission: 'delivery:read' } as const;

/** Answers now, or with `Prefer: wait` and a matching ETag when it changes. */
async function answerOrWait(
  { deliveries }: DeliveryRouteDeps,
  call: Call,
  compose: () => Promise<PreparedAnswer>,
): Promise<undefined> {
  const { request, response, org } = call;
  let prepared = await compose();
  const waitSec = waitOf(request.get('prefer'));
  const has = request.headers['if-none-match'];
  const isSame = () => matchesEtag(has, prepared.headers['ETag'] ?? '""');
  const untilMs = Date.now() + (waitSec ?? 0) * 1000;
  while (waitSec !== undefined && isSame()) {
    const leftSec = (untilMs - Date.now()) / 1000;
    const { runtime } = deliveryOf(deliveries, org);
    const leave = (end: () => void) => void response.once('close', end);
    if (leftSec <= 0 || !(await waitForChange(runtime, leftSec, leave))) break;
    prepared = await compose();
  }
  if (!response.destroyed) writePrepared(request, response, prepared);
}

export function deliveryRoutes(deps: DeliveryRouteDeps): Route[] {
  return [
    ...catalogueRoutes(deps),
    ...documentRoutes(deps),
    ...trustRoutes(deps),
    ...downloadRoutes(deps, BASE),
    ...clientRoutes(deps, BASE),
  ];
}

/** What a caller may have. */
function catalogueRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries } = deps;
  return [
    route({
      ...read,
      path: `${BASE}/plugins`,
      deadlineMs: null,
      handle: (call) => answerOrWait(deps, call as Call, () => listPlugins(deps, call as Call)),
    }),
    route({
      ...read,
      path: `${BASE}/plugins/:plugin`,
      async handle({ org, caller, params: { plugin }, query, request, response }) {
        const delivery = deliveryOf(deliveries, org);
        const { view } = delivery.runtime;
        const choices = await resolveAll(
          delivery.runtime,
          view,
          selectorOf(query, caller),
          askerOf(caller),
        );
        const choice = choices.get(plugin);
        if (!choice) throw new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin}`);
        const item = await listItem(delivery, choice);
        writePrepared(request, response, jsonAnswer(view, item));
        return undefined;
      },
    }),
    route({
      ...read,
      path: `${BASE}/plugins/:plugin/releases`,
      async handle({ org, caller, params: { plugin }, query, request, response }) {
        const { view } = deliveryOf(deliveries, org).runtime;
        if (!view.access.roleOn(plugin, askerOf(caller))) {
          throw new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin}`);
        }
        const releases = listReleases(view, plugin);
        writePrepared(request, response, jsonAnswer(view, paged(view, releases, query)));
        return undefined;
      },
    }),
  ];
}

async function listItem(delivery: OrgDelivery, choice: Choice) {
  const { content, commit } = await delivery.recordOf(choice);
  const { committer } = await commitTime(delivery, commit);
  return {
    id: content.id,
    name: content.title,
    title: content.title,
    ...(content.description === undefined ? {} : { description: content.description }),
    version: choice.version,
    contentDigest: content.contentDigest,
    policy: content.policy,
    updatedAt: choice.release?.publishedAt ?? committer,
  };
}

const timesByDelivery = new WeakMap<OrgDelivery, Map<string, string>>();

/** A commit's time is read once. */
async function commitTime(delivery: OrgDelivery, commit: string): Promise<{ committer: string }> {
  let times = timesByDelivery.get(delivery);
  if (!times) {
    times = new Map();
    timesByDelivery.set(delivery, times);
  }
  let time = times.get(commit);
  if (time === undefined) {
    const { committer } = await delivery.runtime.pool.readCommit(commit);
    time = new Date(committer.atSec * 1000).toISOString();
    times.set(commit, time);
  }
  return { committer: time };
}

async function listPlugins({ deliveries }: DeliveryRouteDeps, call: Call): Promise<PreparedAnswer> {
  const { org, caller, query } = call;
  const delivery = deliveryOf(deliveries, org);
  const { view } = delivery.runtime;
  const asker = askerOf(caller);
  const selector = selectorOf(query, caller);
  const cursor = parseCursor(query.get('cursor'));
  // A cursor stays on the commit that its first page came from.
  const isMoved = cursor && cursor.commit !== view.published.commit && selector.by === 'channel';
  const at =
    isMoved && selector.name === 'rolling'
      ? { by: 'commit' as const, oid: cursor.commit }
      : selector;
  const choices = await resolveAll(delivery.runtime, view, at, asker);
  const q = query.get('q')?.toLowerCase() ?? '';
  const teamId = query.get('teamId');
  const ids = [...choices.keys()].sort().filter((id) => !cursor || id > cursor.after);
  const limit = limitOf(query);
  const items: unknown[] = [];
  let last: string | undefined;
  for (const id of ids) {
    if (teamId !== null && !view.access.roleOn(id, { user: null, teams: [teamId], seesAll: false }))
      continue;
    const item = await listItem(delivery, choices.get(id)!);
    const text = `${item.id} ${item.title} ${item.description ?? ''}`.toLowerCase();
    if (!text.includes(q)) continue;
    if (items.length === limit) {
      const commit = cursor?.commit ?? view.published.commit;
      return jsonAnswer(view, { items, nextCursor: cursorOf(commit, last!) });
    }
    items.push(item);
    last = id;
  }
  return jsonAnswer(view, { items, nextCursor: null });
}

const LARGEST_PAGE = 100;

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? LARGEST_PAGE);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LARGEST_PAGE) return limit;
  throw invalidField('limit', `a whole number from 1 to ${LARGEST_PAGE}`);
}

const cursorOf = (commit: string, after: string): string =>
  Buffer.from(JSON.stringify([commit, after])).toString('base64url');

function parseCursor(text: string | null): { commit: string; after: string } | undefined {
  if (text === null) return undefined;
  try {
    const [commit, after] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (typeof commit === 'string' && /^[0-9a-f]{40}$/.test(commit) && typeof after === 'string') {
      return { commit, after };
    }
  } catch {
    // Falls through to the refusal.
  }
  throw new WaymarkError('VAL_CURSOR', 'this cursor is none of ours: begin again without it');
}

function paged(view: View, items: readonly { tag: string }[], query: URLSearchParams) {
  const cursor = parseCursor(query.get('cursor'));
  const from = cursor ? items.findIndex(({ tag }) => tag === cursor.after) + 1 : 0;
  const page = items.slice(from, from + limitOf(query));
  const isLast = from + page.length >= items.length;
  return {
    items: page,
    nextCursor: isLast ? null : cursorOf(view.published.commit, page.at(-1)!.tag),
  };
}

/** Newest first, by publishing time. */
export function listReleases(view: View, plugin: string) {
  return [...(view.releases.get(plugin) ?? [])]
    .sort((a, b) =>
      a.publishedAt === b.publishedAt ? b.seq - a.seq : a.publishedAt < b.publishedAt ? 1 : -1,
    )
    .map(({ version, tag, tagOid, seq, commit, contentDigest, publishedAt, notes }) => {
      const status = view.statuses.get(`${plugin}/${version}`);
      return {
        plugin,
        version,
        tag,
        tagOid,
        seq,
        commit,
        contentDigest,
        publishedAt,
        notes,
        yanked: isYanked(view, plugin, version),
        ...(status?.yanked ? { yankReason: status.yanked.reason } : {}),
        ...(status?.deprecated ? { deprecated: status.deprecated } : {}),
      };
    });
}

/** Signed documents, and their signatures beside them. */
function documentRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries } = deps;
  const manifestOf = async (call: Call): Promise<Awaited<ReturnType<typeof manifestAnswer>>> => {
    const { plugin, release } = call.params as { plugin: string; release?: string };
    const query = new URLSearchParams(call.query);
    if (release !== undefined) query.append('release', release);
    return await manifestAnswer(deliveryOf(deliveries, call.org), call.caller, plugin, query);
  };
  const index = (call: Call) =>
    indexAnswer(deliveryOf(deliveries, call.org), call.caller, call.query);
  return [
    ...[
      `${BASE}/plugins/:plugin/manifest`,
      `${BASE}/plugins/:plugin/releases/:release/manifest`,
    ].flatMap((path) => [
      route({
        ...read,
        path,
        deadlineMs: null,
        handle: (call) =>
          answerOrWait(deps, call as Call, async () => (await manifestOf(call as Call)).prepared),
      }),
      route({
        ...read,
        path: `${path}.asc`,
        async handle(call) {
          const { manifest } = await manifestOf(call as Call);
          const { view } = deliveryOf(deliveries, call.org).runtime;
          writePrepared(call.request, call.response, signatureAnswer(view, manifest));
          return undefined;
        },
      }),
    ]),
    route({
      ...read,
      path: `${BASE}/index`,
      deadlineMs: null,
      handle: (call) => answerOrWait(deps, call as Call, () => index(call as Call)),
    }),
    route({
      ...read,
      path: `${BASE}/index.asc`,
      async handle(call) {
        const prepared = await index(call as Call);
        const signature = prepared.headers['X-Waymark-Signature'];
        if (signature === undefined)
          throw invalidField('plugins', 'a filtered index is not signed');
        const { view } = deliveryOf(deliveries, call.org).runtime;
        const signed = {
          body: prepared.body,
          signature: Buffer.from(signature, 'base64'),
          etag: prepared.headers['ETag']!,
        };
        writePrepared(call.request, call.response, signatureAnswer(view, signed));
        return undefined;
      },
    }),
  ];
}

/** Roots and keys: what everything else is verified with. */
function trustRoutes({ deliveries }: DeliveryRouteDeps): Route[] {
  const rootOf = async (call: Call) => {
    const { version: text } = call.params as { version?: string };
    const delivery = deliveryOf(deliveries, call.org);
    const roots = await delivery.roots();
    const root =
      text === undefined ? roots.at(-1) : roots.find(({ version }) => String(version) === text);
    if (!root) throw new WaymarkError('RES_NOT_FOUND', `there is no root ${text}`);
    const signature = Buffer.from(root.signature, 'base64');
    return {
      delivery,
      signed: { body: Buffer.from(root.body), signature, etag: etagOf(root.body) },
    };
  };
  const answer = async (call: Call, isSignature: boolean): Promise<undefined> => {
    const { delivery, signed } = await rootOf(call);
    const view = viewForRoot(delivery);
    const { version } = call.params as { version?: string };
    const prepared = isSignature
      ? signatureAnswer(view, signed)
      : signedAnswer(view, signed, version === undefined ? {} : { 'Cache-Control': IMMUTABLE });
    writePrepared(call.request, call.response, prepared);
  };
  return [
    ...[`${BASE}/root`, `${BASE}/root/:version`].flatMap((path) => [
      route({ ...read, path, handle: (call) => answer(call as Call, false) }),
      route({ ...read, path: `${path}.asc`, handle: (call) => answer(call as Call, true) }),
    ]),
    route({
      ...read,
      path: `${BASE}/keys`,
      async handle({ org }) {
        const { keyring } = deliveryOf(deliveries, org).runtime;
        return {
          status: 200,
          headers: { 'Content-Type': 'application/pgp-keys' },
          body: keyring.publicKey('release'),
        };
      },
    }),
    route({
      ...read,
      path: `${BASE}/plugins/:plugin/releases/:release/tag`,
      async handle({ org, caller, params: { plugin, release } }) {
        const { runtime } = deliveryOf(deliveries, org);
        if (!runtime.view.access.roleOn(plugin, askerOf(caller))) {
          throw new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin}`);
        }
        const { tagOid } = findReleaseById(runtime.view, plugin, release);
        return {
          status: 200,
          headers: { 'Content-Type': 'application/x-git-tag', 'Cache-Control': IMMUTABLE },
          body: await runtime.pool.readTag(tagOid),
        };
      },
    }),
  ];
}

/** An org without a first commit has keys all the same. */
function viewForRoot({ runtime }: OrgDelivery): View {
  return runtime.maybeView ?? ({ published: { commit: '' }, sequence: 0 } as unknown as View);
}
