import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { findProvider, providerUnavailable } from './oidc-provider.ts';
import type { ExternalUser } from './users.ts';

/** How long somebody may take to log in at the issuer. */
export const LOGIN_SEC = 600;

/** A log-in by OpenID Connect: the authorisation code flow, with PKCE, state and nonce. */
export interface OidcLogin {
  /**
   * @returns where to send the browser, and what it must bring along when it comes back
   * @throws {WaymarkError} `RES_UNAVAILABLE`
   */
  begin(redirectUri: string, returnTo: string): Promise<{ url: URL; kept: string }>;
  /**
   * @param answer what the issuer sent the browser back with
   * @throws {WaymarkError} `AUTH_LOGIN_FAILED`, `RES_UNAVAILABLE`
   */
  complete(answer: URLSearchParams, kept: string | undefined): Promise<LoggedIn>;
}

export interface LoggedIn {
  user: ExternalUser;
  groups: readonly string[];
  returnTo: string;
}

interface Deps {
  issuer: string;
  clientId: string;
  clientSecret: string;
  groupsClaim: string;
  master: MasterKey;
  clock: Clock;
  /** Why a log-in failed, of which the person is told little. */
  onFailure: (error: unknown) => void;
}

/** What ties the issuer's answer to the browser that asked. */
interface Begun {
  state: string;
  nonce: string;
  verifier: string;
  redirectUri: string;
  returnTo: string;
  untilMs: number;
}

type ClaimSet = Readonly<Record<string, unknown>>;

const SCOPES = ['openid', 'email', 'profile'];
const PLACE = 'oidc-login';

export function createOidcLogin(deps: Deps): OidcLogin {
  const { groupsClaim, master, clock, onFailure } = deps;
  const provider = findProvider(deps, clock);

  async function begin(redirectUri: string, returnTo: string) {
    const configuration = await provider();
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
    const supported = configuration.serverMetadata().scopes_supported ?? [];
    const scopes = supported.includes(groupsClaim) ? [...SCOPES, groupsClaim] : SCOPES;
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: scopes.join(' '),
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    const untilMs = clock() + LOGIN_SEC * 1000;
    const begun: Begun = { state, nonce, verifier, redirectUri, returnTo, untilMs };
    return { url, kept: master.wrap(Buffer.from(JSON.stringify(begun)), PLACE) };
  }

  async function complete(answer: URLSearchParams, kept = ''): Promise<LoggedIn> {
    const begun = openBegun(kept, deps);
    const configuration = await provider();
    const exchanging = exchange(configuration, begun, answer, groupsClaim);
    const claims = await exchanging.catch((error: unknown) => {
      onFailure(error);
      throw asRefusal(error);
    });
    const groups = textsOf(claims[groupsClaim]);
    return { user: userOf(claims), groups, returnTo: begun.returnTo };
  }

  return { begin, complete };
}

function openBegun(kept: string, { master, clock }: Deps): Begun {
  const begun = unwrap(kept, master);
  if (begun && clock() < begun.untilMs) return begun;
  const message = 'this log-in was not begun in this browser, or too long ago: begin anew';
  throw new WaymarkError('AUTH_LOGIN_FAILED', message);
}

function unwrap(kept: string, master: MasterKey): Begun | undefined {
  try {
    return JSON.parse(Buffer.from(master.unwrap(kept, PLACE)).toString()) as Begun;
  } catch {
    return undefined;
  }
}

/** What the issuer says of the person: in the identity token, and of groups else where it says more. */
async function exchange(
  configuration: Configuration,
  { redirectUri, state, nonce, verifier }: Begun,
  answer: URLSearchParams,
  groupsClaim: string,
): Promise<ClaimSet> {
  const address = new URL(redirectUri);
  address.search = answer.toString();
  const tokens = await authorizationCodeGrant(configuration, address, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
  });
  const claims = tokens.claims()!; // a nonce is expected, and so an identity token
  const { userinfo_endpoint: more } = configuration.serverMetadata();
  if (groupsClaim in claims || more === undefined) return claims;
  return { ...(await fetchUserInfo(configuration, tokens.access_token, claims.sub)), ...claims };
}

function userOf({ iss, sub, email, email_verified, name }: ClaimSet): ExternalUser {
  return {
    issuer: String(iss),
    subject: String(sub),
    email: typeof email === 'string' && email_verified === true ? email : null,
    name: typeof name === 'string' ? name : null,
  };
}

const textsOf = (claim: unknown): string[] =>
  Array.isArray(claim) ? claim.filter((item) => typeof item === 'string') : [];

/** What of the library's own codes says that the issuer did not answer as one does. */
const SILENT = ['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON'];

function asRefusal(error: unknown): WaymarkError {
  const isAnswered =
    error instanceof AuthorizationResponseError ||
    error instanceof ResponseBodyError ||
    (error instanceof ClientError && !SILENT.includes(error.code ?? ''));
  if (!isAnswered) return providerUnavailable(error);
  const message = 'what the place to log in answered does not count: begin anew';
  return new WaymarkError('AUTH_LOGIN_FAILED', message, {}, { cause: error });
}
