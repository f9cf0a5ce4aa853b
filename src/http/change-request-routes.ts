import {
  type ChangeRequestStore,
  changeListFields,
  LONGEST_TITLE,
} from '../changes/change-request.ts';
import {
  type Changing,
  closeChangeRequest,
  createFromBranch,
  createFromEdit,
  editChangeRequest,
  getCurrent,
  getOwn,
  listChangeRequests,
  type NewWords,
  type ProposeUpstream,
} from '../changes/change-requests.ts';
import {
  describeChange,
  describeReviews,
  diffOfChange,
  listed,
  showReview,
} from '../changes/describe-change.ts';
import type { Edit } from '../changes/edit.ts';
import { judge, type MergeRequest, mergeChange } from '../changes/merge-change.ts';
import { addReview, type ReviewRequest } from '../changes/review.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { StandingStores } from '../identity/standing.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import {
  changeRequestAnswer,
  checksAnswer,
  diffAnswer,
  listedAnswer,
  reviewAnswer,
  reviewsAnswer,
} from './change-request-shapes.ts';
import { operationsShape } from './change-shapes.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { pageOf } from './pagination.ts';
import { NOT_BLANK, ONE_LINE, PLAIN } from './patterns.ts';
import { type Answer, type Call, type Route, route } from './route.ts';
import { flag, oid } from './shapes.ts';
import { noSuchOrg } from './tenant.ts';

export interface ChangeRequestRouteDeps extends StandingStores {
  runtimes: OrgRuntimes;
  changeRequests: ChangeRequestStore;
  proposeUpstream: ProposeUpstream;
  clock: Clock;
}

const title = {
  type: 'string',
  maxLength: LONGEST_TITLE,
  allOf: [{ pattern: NOT_BLANK }, { pattern: ONE_LINE }],
};
const description = {
  type: 'string',
  maxLength: 65_536,
  pattern: PLAIN,
};
const branch = { type: 'string', minLength: 1, maxLength: 200 };
const terms = { title, description, target: branch, draft: flag };

interface Terms {
  title: string;
  description?: string;
  target?: string;
  draft?: boolean;
}

const NOT_HERE = { not: {} };

const newBody = jsonBody<
  Terms & ({ source: string } | (Omit<Edit, 'message'> & { message?: string }))
>({
  type: 'object',
  required: ['title'],
  if: { required: ['source'], properties: { source: {} } },
  else: { required: ['base', 'operations'], properties: { base: {}, operations: {} } },
  dependentSchemas: {
    source: { properties: { base: NOT_HERE, message: NOT_HERE, operations: NOT_HERE } },
  },
  additionalProperties: false,
  properties: {
    ...terms,
    source: branch,
    base: oid,
    message: { ...description, maxLength: 10_000, allOf: [{ pattern: NOT_BLANK }] },
    operations: operationsShape,
  },
});

const wordsBody = jsonBody<NewWords>({
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: { title, description, status: { enum: ['draft', 'open'] } },
});

const reviewBody = jsonBody<ReviewRequest>({
  type: 'object',
  required: ['verdict', 'head'],
  additionalProperties: false,
  properties: {
    verdict: { enum: ['approved', 'changes_requested', 'commented'] },
    body: description,
    head: oid,
  },
});

const mergeBody = jsonBody<MergeRequest>({
  type: 'object',
  required: ['method'],
  additionalProperties: false,
  properties: {
    method: { enum: ['fast-forward', 'merge', 'squash'] },
    head: oid,
    message: { ...description, allOf: [{ pattern: NOT_BLANK }] },
  },
});

const path = '/change-requests';
const one = `${path}/:number` as const;

/** Editing with review: a branch, what is said of it, and how it comes into `main`. */
export function changeRequestRoutes(deps: ChangeRequestRouteDeps): Route[] {
  const changing = ({ org, caller, requestId }: Pick<Call, 'org' | 'caller' | 'requestId'>) => {
    const runtime = deps.runtimes.find(org);
    if (!runtime) throw noSuchOrg(org);
    const { changeRequests, proposeUpstream, users, members, clock } = deps;
    const { actor, makers = [] } = caller;
    const by = { actor, makers, requestId };
    return { changeRequests, proposeUpstream, users, members, clock, runtime, ...by };
  };
  return [
    ...listRoutes(changing),
    ...requestRoutes(changing),
    ...reviewRoutes(changing),
    ...lookRoutes(changing),
  ];
}

type ChangingOf = (call: Pick<Call, 'org' | 'caller' | 'requestId'>) => Changing;

function listRoutes(changing: ChangingOf): Route[] {
  return [
    route({
      method: 'post',
      path,
      permission: 'changes:write',
      summary: 'Opens a change request for a pushed branch, or for operations upon a commit.',
      body: newBody,
      answers: { 201: changeRequestAnswer },
      async handle(call) {
        const { body } = call;
        const acting = changing(call);
        const made =
          'source' in body
            ? await createFromBranch(acting, body)
            : await createFromEdit(acting, { message: body.title, ...body });
        const Location = `/api/v1${path}/${made.number}`;
        return { status: 201, headers: { Location }, body: await describeChange(acting, made) };
      },
    }),
    route({
      method: 'get',
      path,
      permission: 'changes:read',
      summary: 'Lists change requests, the newest first.',
      fields: changeListFields,
      answers: { 200: listedAnswer },
      async handle(call) {
        const listing = listingOf(call.query, changeListFields, '-number');
        const { items, totalItems } = await listChangeRequests(changing(call), listing);
        return pagedAnswer({ items: items.map(listed), totalItems }, listing);
      },
    }),
  ];
}

function requestRoutes(changing: ChangingOf): Route[] {
  return [
    route({
      method: 'get',
      path: one,
      permission: 'changes:read',
      summary: 'Shows a change request with its checks, reviews and conflicts.',
      answers: { 200: changeRequestAnswer },
      async handle(call) {
        const acting = changing(call);
        return shown(acting, await getCurrent(acting, numberIn(call.params.number)));
      },
    }),
    route({
      method: 'put',
      path: one,
      permission: 'changes:write',
      summary: 'Changes the title or description, and makes a draft open or the reverse.',
      body: wordsBody,
      answers: { 200: changeRequestAnswer },
      async handle(call) {
        const acting = changing(call);
        const number = numberIn(call.params.number);
        return shown(acting, await editChangeRequest(acting, number, call.body, call.ifMatch));
      },
    }),
    route({
      method: 'post',
      path: `${one}/merge`,
      permission: 'changes:merge',
      summary: 'Brings the commits into the target, where nothing speaks against it.',
      body: mergeBody,
      answers: { 200: changeRequestAnswer },
      async handle(call) {
        const acting = changing(call as Call);
        const { number } = call.params as { number: string };
        const merging = { ...acting, permissions: call.caller.permissions };
        return shown(acting, await mergeChange(merging, numberIn(number), call.body));
      },
    }),
    route({
      method: 'post',
      path: `${one}/close`,
      permission: 'changes:write',
      summary: 'Ends a change request without merging it; its branch stays.',
      answers: { 200: changeRequestAnswer },
      async handle(call) {
        const acting = changing(call as Call);
        const { number } = call.params as { number: string };
        return shown(acting, await closeChangeRequest(acting, numberIn(number), call.ifMatch));
      },
    }),
  ];
}

const currentOf = (changing: ChangingOf) => (call: Call) =>
  getCurrent(changing(call), numberIn((call.params as { number: string }).number));

function reviewRoutes(changing: ChangingOf): Route[] {
  const current = currentOf(changing);
  return [
    route({
      method: 'post',
      path: `${one}/reviews`,
      permission: 'changes:review',
      summary: 'Adds a review of the commit that was looked at.',
      body: reviewBody,
      answers: { 201: reviewAnswer },
      async handle(call) {
        const { number } = call.params as { number: string };
        const request = await getOwn(changing(call as Call), numberIn(number));
        const review = await addReview(changing(call), request, call.body, call);
        const Location = `/api/v1${path}/${number}/reviews/${review.id}`;
        return { status: 201, headers: { Location }, body: showReview(review, request) };
      },
    }),
    route({
      method: 'get',
      path: `${one}/reviews`,
      permission: 'changes:read',
      summary: 'Lists the reviews in the order in which they were made.',
      answers: { 200: reviewsAnswer },
      async handle(call) {
        const reviews = await describeReviews(changing(call), await current(call as Call));
        return pageOf(reviews, call.query);
      },
    }),
    route({
      method: 'get',
      path: `${one}/reviews/:id`,
      permission: 'changes:read',
      summary: 'One review.',
      answers: { 200: reviewAnswer },
      async handle(call) {
        const { id } = call.params as { id: string };
        const reviews = await describeReviews(changing(call), await current(call as Call));
        const review = reviews.find((one) => one.id === id);
        if (review) return { status: 200, body: review };
        throw new WaymarkError('RES_NOT_FOUND', `there is no review ${id}`);
      },
    }),
  ];
}

function lookRoutes(changing: ChangingOf): Route[] {
  const current = currentOf(changing);
  return [
    route({
      method: 'get',
      path: `${one}/diff`,
      permission: 'changes:read',
      summary: 'Tells what merging would change: files, objects, and what each client receives.',
      answers: { 200: diffAnswer },
      async handle(call) {
        const diff = await diffOfChange(changing(call), await current(call as Call));
        return { status: 200, body: diff };
      },
    }),
    route({
      method: 'get',
      path: `${one}/checks`,
      permission: 'changes:read',
      summary: 'Tells what was checked of the two heads, and with which findings.',
      answers: { 200: checksAnswer },
      async handle(call) {
        const { evaluation, checks } = await judge(changing(call), await current(call as Call));
        const { head, targetHead } = evaluation;
        return { status: 200, body: { head, targetHead, checks } };
      },
    }),
  ];
}

async function shown(
  acting: Changing,
  request: Awaited<ReturnType<typeof getCurrent>>,
): Promise<Answer> {
  return { status: 200, body: await describeChange(acting, request) };
}

function numberIn(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new WaymarkError('RES_NOT_FOUND', `there is no change request ${text}`);
}
