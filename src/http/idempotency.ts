import { createHash, randomUUID } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { KeptAnswer, KeptAnswerStore } from '../identity/kept-answer.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { type ErrorCode, type ErrorFacts, invalidField, WaymarkError } from '../model/errors.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { statusOf } from './errors.ts';
import { principalOf } from './rate-limit.ts';
import type { Answer, Call, Once } from './route.ts';

interface Deps {
  keptAnswers: KeptAnswerStore;
  master: Pick<MasterKey, 'wrap' | 'unwrap'>;
  clock: Clock;
}

type Work = () => Promise<Answer | undefined>;

/** What is sealed: of a running request only what was asked. */
interface Kept {
  /** A digest of the body, the query and the caller's permissions. */
  asked: string;
  answer?: Omit<Answer, 'body'> & { body?: unknown };
  refusal?: ErrorFacts & { code: ErrorCode; message: string };
}

const DAY_MS = 86_400_000;
/** Longer than any POST may take: what still runs then was cut off by a crash. */
const RUNNING_MS = 60_000;
const LARGEST_BYTES = 1_048_576;
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * `Idempotency-Key`, for a day, of one principal and path. A request without a
 * credential is nobody's, so nothing is kept of it.
 */
export function createOnce(deps: Deps): Once {
  const { keptAnswers, master, clock } = deps;
  const seal = (id: string, kept: Kept): string =>
    master.wrap(Buffer.from(JSON.stringify(kept)), placeOf(id));
  const unseal = ({ id, sealed }: KeptAnswer): Kept =>
    JSON.parse(Buffer.from(master.unwrap(sealed, placeOf(id))).toString()) as Kept;

  return async (call, work) => {
    const key = keyIn(call);
    if (key === undefined || call.caller.kind === 'anonymous') return work();
    const id = idOf(call, key);
    // A handler may look closer than its route: what was allowed to more is not shown to less.
    const permissions = [...call.caller.permissions].sort();
    const asked = digestOf([call.query.toString(), call.request.body, permissions]);
    const nowMs = clock();
    const running: KeptAnswer = {
      id,
      org: call.org === '*' ? null : call.org,
      attempt: randomUUID(),
      isRunning: true,
      sealed: seal(id, { asked }),
      expiresAt: toTime(nowMs + RUNNING_MS),
    };
    const first = await keptAnswers.begin(running, toTime(nowMs));
    if (first) return repeated(unseal(first), asked, first.isRunning);
    const keep = async (kept: Omit<Kept, 'asked'>): Promise<void> => {
      const sealed = seal(id, { asked, ...kept });
      if (sealed.length > LARGEST_BYTES) return forget();
      const expiresAt = toTime(clock() + DAY_MS);
      await keptAnswers.finish({ ...running, sealed, expiresAt });
    };
    const forget = () => keptAnswers.forget(id, running.attempt);
    // What was done was done: that it cannot be kept is no reason to say otherwise.
    const ignore = () => {};
    return answered(
      work,
      (kept) => keep(kept).catch(ignore),
      () => forget().catch(ignore),
    );
  };
}

async function answered(
  work: Work,
  keep: (kept: Omit<Kept, 'asked'>) => Promise<void>,
  forget: () => Promise<void>,
): Promise<Answer | undefined> {
  let answer: Answer | undefined;
  try {
    answer = await work();
  } catch (error) {
    const isLasting = error instanceof WaymarkError && isKept(statusOf(error.code));
    if (isLasting) await keep({ refusal: refusalOf(error) });
    else await forget();
    throw error;
  }
  const isPlain = answer && !Buffer.isBuffer(answer.body) && isKept(answer.status);
  if (answer && isPlain) await keep({ answer });
  else await forget();
  return answer;
}

/** What may go otherwise the next time is tried again. */
const isKept = (status: number): boolean => status < 500 && status !== 429;

const refusalOf = ({ code, message, facts }: WaymarkError): NonNullable<Kept['refusal']> => ({
  code,
  message,
  ...facts,
});

function repeated(kept: Kept, asked: string, isRunning: boolean): Answer {
  if (kept.asked !== asked) {
    const message = 'this Idempotency-Key was sent with another request: choose a new one';
    throw new WaymarkError('RES_IDEMPOTENCY_CONFLICT', message);
  }
  if (isRunning) {
    const message = 'the first request with this Idempotency-Key is still being answered';
    throw new WaymarkError('RES_STATE_CONFLICT', message);
  }
  if (kept.refusal) {
    const { code, message, ...facts } = kept.refusal;
    throw new WaymarkError(code, message, facts);
  }
  const { answer = { status: 204 } } = kept;
  return { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } };
}

function keyIn({ request }: Call): string | undefined {
  const key = request.get('idempotency-key');
  if (key === undefined || KEY.test(key)) return key;
  throw invalidField('Idempotency-Key', 'must be 1 to 255 printable characters, without spaces');
}

function idOf({ org, caller, request }: Call, key: string): string {
  const { pathname } = new URL(request.originalUrl, 'http://localhost');
  return digestOf([org, principalOf(caller).name, pathname, key]);
}

const digestOf = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('hex');

const placeOf = (id: string): string => `kept-answer/${id}`;
