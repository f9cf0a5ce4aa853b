import { RemoteError } from '../git/remote-error.ts';
import { acceptCondition } from '../mirror/conditions.ts';
import { changeUpstream, showUpstream } from '../mirror/configure.ts';
import type { Mirrors } from '../mirror/mirrors.ts';
import { MirrorError } from '../mirror/open-remote.ts';
import type { UpstreamRequest } from '../mirror/settings.ts';
import type { UpstreamStore } from '../mirror/upstream.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import { jsonBody } from './json-body.ts';
import { type Route, route } from './route.ts';
import { upstreamProperties } from './upstream-body.ts';
import {
  conditionExample,
  conditionShape,
  upstreamExample,
  upstreamShape,
} from './upstream-shapes.ts';

interface Deps {
  upstreams: UpstreamStore;
  mirrors: Pick<Mirrors, 'find' | 'hint'>;
  outbound: OutboundPolicy;
  clock: Clock;
}

const changeBody = jsonBody<Partial<UpstreamRequest>>({
  type: 'object',
  additionalProperties: false,
  properties: upstreamProperties,
});

/** A sync that takes longer goes on by itself: the answer says how it stands. */
const PATIENCE_MS = 20_000;

const shown = { data: upstreamShape, example: upstreamExample };

/** Where a mirrored org's registry comes from. */
export function upstreamRoutes(deps: Deps): Route[] {
  const { upstreams, mirrors } = deps;
  return [
    route({
      method: 'get',
      path: '/upstream',
      permission: 'upstreams:read',
      summary: 'Shows the upstream, how following it goes, and what waits for a person.',
      answers: { 200: shown },
      handle: async ({ org }) => ({ status: 200, body: await showUpstream(upstreams, org) }),
    }),
    route({
      method: 'put',
      path: '/upstream',
      permission: 'upstreams:write',
      summary: 'Changes the upstream, and looks at it.',
      body: changeBody,
      answers: { 200: shown },
      async handle({ org, body, ifMatch, caller: { actor }, requestId }) {
        await changeUpstream(body, { org, actor, requestId, ifMatch }, deps);
        mirrors.hint(org);
        return { status: 200, body: await showUpstream(upstreams, org) };
      },
    }),
    route({
      method: 'post',
      path: '/upstream/sync',
      permission: 'upstreams:write',
      summary: 'Looks at the upstream now; 202 when that takes longer than 20 seconds.',
      answers: { 200: shown, 202: shown },
      async handle({ org }) {
        // A hosted one has none.
        await showUpstream(upstreams, org);
        const isDone = await syncWithin(PATIENCE_MS, mirrors, org);
        return { status: isDone ? 200 : 202, body: await showUpstream(upstreams, org) };
      },
    }),
    route({
      method: 'post',
      path: '/upstream/conditions/:id/accept',
      permission: 'upstreams:write',
      summary: 'Lets a force-push or a moved tag be followed.',
      answers: { 200: { data: conditionShape, example: conditionExample } },
      async handle({ org, params: { id }, caller: { actor }, requestId }) {
        const accepted = await acceptCondition(id, { org, actor, requestId }, deps);
        mirrors.hint(org);
        const { org: _org, ...condition } = accepted;
        return { status: 200, body: condition };
      },
    }),
  ];
}

async function syncWithin(ms: number, mirrors: Deps['mirrors'], org: string): Promise<boolean> {
  const mirror = mirrors.find(org);
  if (!mirror) throw new WaymarkError('RES_UNAVAILABLE', `${org} is not ready yet: retry`);
  const { promise: tooLate, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), ms);
  const done = mirror.sync('request').then(() => true, rethrowForCaller);
  done.catch(() => {}); // one that fails later
  try {
    return await Promise.race([done, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

function rethrowForCaller(error: unknown): never {
  if (error instanceof RemoteError || error instanceof MirrorError) {
    const code = error.reason === 'timed-out' ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_FAILED';
    const details = { reason: error.reason };
    throw new WaymarkError(code, error.message, { details }, { cause: error });
  }
  throw error;
}
