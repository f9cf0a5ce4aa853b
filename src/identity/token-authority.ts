import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Clock } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { isPluginScope, type PluginScope } from '../model/permissions.ts';
import type { Caller } from './caller.ts';
import { invalidToken, verifyJwt } from './jwt.ts';
import { hasPluginScope } from './plugin-scope.ts';
import type { Resolved } from './resolve-token.ts';
import type { Permission } from './roles.ts';
import { TOKEN_ALGORITHM, type TokenKeys } from './token-keys.ts';

/** As RFC 6749, section 5.1, has it. */
export interface IssuedToken {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  /** What it may do, separated by spaces. */
  scope: string;
}

/** This site as one that issues tokens. */
export interface TokenAuthority {
  issuer: string;
  /**
   * A token for who has an API key, that may do what the key may, or less of it.
   *
   * @param caller who has the key, as its org knows them
   * @param scope permissions, separated by spaces; all of the key's when left out
   * @throws {WaymarkError} `PERM_DENIED` for more than the key may
   */
  issue(caller: Caller, scope?: string): Promise<IssuedToken>;
  /**
   * @param ofKey who has the key of an id now: a token ends with its key
   * @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED`
   */
  resolve(token: string, ofKey: (id: string) => Promise<Resolved>): Promise<Resolved>;
}

interface Deps {
  issuer: string;
  keys: Pick<TokenKeys, 'signer' | 'find'>;
  clock: Clock;
}

const LIFE_SEC = 900;
const TYPE = 'at+jwt'; // RFC 9068
const SUBJECT = /^key:([0-9a-f-]{16,36})$/;

export function createTokenAuthority({ issuer, keys, clock }: Deps): TokenAuthority {
  async function issue(caller: Caller, scope?: string): Promise<IssuedToken> {
    const permissions = narrowed(caller, scope);
    const { kid, key } = await keys.signer();
    const nowSec = Math.floor(clock() / 1000);
    const granted = permissions.join(' ');
    const narrowing = scope === undefined ? {} : { scope: granted };
    const token = await new SignJWT({ ...claimsOf(caller, permissions), ...narrowing })
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, typ: TYPE, kid })
      .setIssuer(issuer)
      .setAudience(issuer)
      .setSubject(`key:${caller.id}`)
      .setIssuedAt(nowSec)
      .setExpirationTime(nowSec + LIFE_SEC)
      .setJti(randomUUID())
      .sign(key);
    return { access_token: token, token_type: 'Bearer', expires_in: LIFE_SEC, scope: granted };
  }

  async function resolve(
    token: string,
    ofKey: (id: string) => Promise<Resolved>,
  ): Promise<Resolved> {
    const audience = issuer;
    const expected = { issuer, audience, keys: keys.find, types: [TYPE], clock };
    const { sub = '', exp, scope } = await verifyJwt(token, expected);
    const [, id] = SUBJECT.exec(sub) ?? [];
    if (!id) throw invalidToken();
    const { caller, basis, expiresAtMs } = await ofKey(id);
    return {
      caller: typeof scope === 'string' ? within(caller, scope) : caller,
      basis,
      expiresAtMs: Math.min(exp * 1000, expiresAtMs),
    };
  }

  return { issuer, issue, resolve };
}

/** For others, who verify the token by our published keys alone. */
function claimsOf({ user, org, roles }: Caller, permissions: readonly Scope[]) {
  return {
    ...(user === null ? {} : { user_id: user }),
    ...(org === null ? {} : { tenant_id: org }),
    roles,
    permissions,
  };
}

type Scope = Permission | PluginScope;

function narrowed(caller: Caller, scope: string | undefined): Scope[] {
  if (scope === undefined) return [...caller.permissions];
  const asked = scope.split(' ').filter(Boolean) as Scope[];
  if (asked.length === 0) throw invalidField('scope', 'names no permission');
  const lacks = asked.find((one) => !has(caller, one));
  if (lacks === undefined) return [...new Set(asked)];
  const message = `the scope ${lacks} is not among what your key may do`;
  throw new WaymarkError('PERM_DENIED', message, { details: { permission: lacks } });
}

const has = (caller: Caller, scope: Scope): boolean =>
  isPluginScope(scope) ? hasPluginScope(caller, scope) : caller.permissions.has(scope);

/** What both the token says and its key may still do. */
function within(caller: Caller, scope: string): Caller {
  const words = scope.split(' ') as Scope[];
  const named = new Set(words.filter((one) => !isPluginScope(one) || hasPluginScope(caller, one)));
  const scopes = caller.scopes?.intersection(named) ?? named;
  return { ...caller, scopes, permissions: caller.permissions.intersection(named) };
}
