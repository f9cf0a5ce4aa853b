import { type Choice, checkVisible, resolveAll } from '../delivery/resolve.ts';
import type { OrgDelivery } from '../delivery/service.ts';
import { isYanked, type View } from '../delivery/view.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { type PreparedAnswer, writePrepared } from './delivery-answer.ts';
import {
  answerOrWait,
  askerOf,
  BASE,
  type DeliveryRouteDeps,
  deliveryOf,
  read,
  selectorOf,
} from './delivery-context.ts';
import { jsonAnswer } from './delivery-documents.ts';
import {
  pageQuery,
  pluginShape,
  pluginsShape,
  releasesShape,
  selectors,
} from './delivery-shapes.ts';
import { type Call, type Route, route } from './route.ts';
import { text } from './shapes.ts';

/** What a caller may have. */
export function catalogueRoutes(deps: DeliveryRouteDeps): Route[] {
  const { deliveries } = deps;
  return [
    route({
      ...read,
      path: `${BASE}/plugins`,
      summary: 'Lists what the caller may have.',
      query: { q: text, teamId: text, ...selectors, ...pageQuery },
      answers: { 200: { data: pluginsShape }, 304: null },
      deadlineMs: null,
      handle: (call) => answerOrWait(deps, call as Call, () => listPlugins(deps, call as Call)),
    }),
    route({
      ...read,
      path: `${BASE}/plugins/:plugin`,
      summary: 'Describes one plugin.',
      query: selectors,
      answers: { 200: { data: pluginShape }, 304: null },
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
      summary: 'Lists a plugin’s releases, newest first.',
      query: pageQuery,
      answers: { 200: { data: releasesShape }, 304: null },
      async handle({ org, caller, params: { plugin }, query, request, response }) {
        const { view } = deliveryOf(deliveries, org).runtime;
        checkVisible(view, plugin, askerOf(caller));
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
