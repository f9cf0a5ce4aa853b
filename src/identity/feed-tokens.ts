import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Caller } from './caller.ts';
import type { FeedSelector, FeedToken, FeedTokenStore } from './feed-token.ts';
import { checkSight } from './handing-out.ts';
import { isSameHash, mintFeedToken, parseFeedToken } from './keys.ts';
import type { OrgPolicy } from './org-policy.ts';
import { refused } from './refused.ts';

export interface FeedRequest {
  name: string;
  selector: FeedSelector;
  teams?: readonly string[];
}

interface Acting {
  caller: Pick<Caller, 'actor'>;
  org: string;
  requestId: string;
  clock: Clock;
}

interface Making extends Acting {
  caller: Caller;
  policy: OrgPolicy | undefined;
}

/** A token as it may be shown: without the hash of its secret. */
export type ShownFeedToken = Omit<FeedToken, 'secretHash'>;

export function shownFeedToken({ secretHash: _secretHash, ...shown }: FeedToken): ShownFeedToken {
  return shown;
}

/**
 * Makes a token. `token` in the answer is the only time that it is shown.
 *
 * @throws {WaymarkError} `VAL_FAILED`, `PERM_DENIED` for teams that the caller is not in
 */
export async function createFeedToken(
  feedTokens: Pick<FeedTokenStore, 'insert'>,
  { name, selector, teams = [] }: FeedRequest,
  { caller, org, policy, requestId, clock }: Making,
): Promise<ShownFeedToken & { token: string }> {
  if (selector.channel !== undefined && selector.release !== undefined) {
    throw invalidField('selector', 'give a channel or a release, not both');
  }
  checkSight({ teams }, caller, policy);
  const { id, token, secretHash } = mintFeedToken();
  const at = toTime(clock());
  const made = { id, org, name, selector, teams, secretHash, createdAt: at };
  const feed: FeedToken = { ...made, createdBy: caller.actor, revokedAt: null, lastUsedAt: null };
  const what = { at, actor: caller.actor, action: 'feed-token.create', resource: id };
  const after = { name, selector, teams };
  await feedTokens.insert(feed, { ...what, tenant: org, after, requestId });
  return { ...shownFeedToken(feed), token };
}

/** @throws {WaymarkError} `RES_NOT_FOUND` also for another org's token */
export async function getFeedToken(
  feedTokens: Pick<FeedTokenStore, 'find'>,
  org: string,
  id: string,
): Promise<ShownFeedToken> {
  const feed = await feedTokens.find(id);
  if (feed?.org === org) return shownFeedToken(feed);
  throw new WaymarkError('RES_NOT_FOUND', `there is no feed token ${id}`);
}

/** @throws {WaymarkError} `RES_NOT_FOUND` also for another org's token, and one revoked before */
export async function revokeFeedToken(
  feedTokens: Pick<FeedTokenStore, 'revoke'>,
  id: string,
  { caller, org, requestId, clock }: Acting,
): Promise<void> {
  const at = toTime(clock());
  const what = { at, actor: caller.actor, action: 'feed-token.revoke', resource: id };
  if (await feedTokens.revoke(org, id, at, { ...what, tenant: org, requestId })) return;
  throw new WaymarkError('RES_NOT_FOUND', `there is no feed token ${id} in force`);
}

/**
 * What a token in a feed's address opens: `selector`, as far as `teams` and the whole org see it.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_REVOKED`
 */
export async function resolveFeedToken(
  token: string,
  { feedTokens, clock }: { feedTokens: Pick<FeedTokenStore, 'find' | 'touch'>; clock: Clock },
): Promise<FeedToken> {
  const parsed = parseFeedToken(token);
  const feed = parsed && (await feedTokens.find(parsed.id));
  if (!feed || !isSameHash(feed.secretHash, parsed.secretHash)) throw refused('AUTH_TOKEN_INVALID');
  if (feed.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
  // Only a date: what fails here must not keep the caller out.
  feedTokens.touch(feed.id, toTime(clock())).catch(() => {});
  return feed;
}
