import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isSameText } from '../identity/keys.ts';
import type { ProviderKind } from './provider/settings.ts';

/** A webhook as it arrived: the signature is of the very bytes. */
export interface Delivery {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Further from our clock, a signed time is of a delivery that somebody has kept. */
const TOLERANCE_SEC = 300;

/**
 * What a delivery is known by when it comes again, or undefined for one that none
 * of the secrets has signed. Nothing of the body is parsed.
 *
 * @see docs/spec/mirrors.md, "Webhooks"
 */
export function identifyDelivery(
  kind: ProviderKind,
  delivery: Delivery,
  secrets: readonly string[],
  nowMs: number,
): string[] | undefined {
  // Every secret is tried, so that an answer's time does not tell which one was right.
  const isSigned = secrets.map((secret) => isSignedBy(kind, delivery, secret, nowMs)).some(Boolean);
  return isSigned ? marksOf(kind, delivery) : undefined;
}

function isSignedBy(kind: ProviderKind, delivery: Delivery, secret: string, nowMs: number) {
  const { headers, body } = delivery;
  const hex = () => createHmac('sha256', secret).update(body).digest('hex');
  if (kind === 'github') return isSame(headers['x-hub-signature-256'], `sha256=${hex()}`);
  if (kind === 'gitea') return isSame(headers['x-gitea-signature'], hex());
  // One that is signed must be signed well: it is not saved by a token beside it.
  if (headers['webhook-signature'] === undefined) return isSame(headers['x-gitlab-token'], secret);
  return isSignedByStandard(delivery, secret, nowMs);
}

/** As Standard Webhooks 1.0.0 has it: `v1,<base64>` of id, time and body; several with spaces between. */
function isSignedByStandard({ headers, body }: Delivery, secret: string, nowMs: number): boolean {
  const [id, time] = [headers['webhook-id'], headers['webhook-timestamp']];
  if (typeof id !== 'string' || typeof time !== 'string' || !/^\d{1,12}$/.test(time)) return false;
  const isFresh = Math.abs(nowMs / 1000 - Number(time)) <= TOLERANCE_SEC;
  const key = keyOf(secret);
  if (key === undefined) return false;
  const mac = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64');
  const given = String(headers['webhook-signature']).split(' ').slice(0, 8);
  return given.map((signature) => isSame(signature, `v1,${mac}`)).some(Boolean) && isFresh;
}

/**
 * A secret's key; undefined for a `whsec_` without 24 bytes of base64, the fewest that the standard
 * allows: what base64 cannot read is none at all, and anybody could sign with that.
 */
function keyOf(secret: string): string | Buffer | undefined {
  if (!secret.startsWith('whsec_')) return secret;
  const base64 = secret.slice('whsec_'.length);
  return /^[A-Za-z0-9+/]{32,}={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}

const isSame = (given: string | string[] | undefined, expected: string): boolean =>
  typeof given === 'string' && isSameText(given, expected);

/** GitHub and Gitea sign no id: whoever has kept a delivery could send it under another one. */
function marksOf(kind: ProviderKind, { headers, body }: Delivery): string[] {
  const id = headers[ID_HEADERS[kind].find((name) => headers[name] !== undefined) ?? ''];
  const isIdTrusted = kind === 'gitlab' && id !== undefined;
  return [
    ...(id === undefined ? [] : [markOf('id', String(id))]),
    ...(isIdTrusted ? [] : [markOf('body', body)]),
  ];
}

/** GitLab's first two stay the same when it tries again; its events share one when one led to another. */
const ID_HEADERS: Record<ProviderKind, readonly string[]> = {
  github: ['x-github-delivery'],
  gitea: ['x-gitea-delivery'],
  gitlab: ['webhook-id', 'idempotency-key', 'x-gitlab-event-uuid'],
};

const markOf = (what: string, value: string | Buffer): string =>
  createHash('sha256').update(`${what}\n`).update(value).digest('base64url');
