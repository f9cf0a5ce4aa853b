import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
} from 'openid-client';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';

interface Client {
  issuer: string;
  clientId: string;
  clientSecret: string;
}

const KNOWN_FOR_MS = 3_600_000;
const TIMEOUT_SEC = 10;

/**
 * What the issuer says of itself, read when it is first needed and again every
 * hour: a server starts also while its issuer does not answer.
 */
export function findProvider(client: Client, clock: Clock): () => Promise<Configuration> {
  let known: { configuration: Promise<Configuration>; atMs: number } | undefined;

  return async () => {
    if (!known || Math.abs(clock() - known.atMs) > KNOWN_FOR_MS) {
      known = { configuration: discover(client), atMs: clock() };
    }
    const asked = known;
    try {
      return await asked.configuration;
    } catch (cause) {
      if (known === asked) known = undefined;
      throw providerUnavailable(cause);
    }
  };
}

function discover({ issuer, clientId, clientSecret }: Client): Promise<Configuration> {
  const isLocal = new URL(issuer).protocol === 'http:';
  // Also what came straight from the issuer is checked by its signature.
  const execute = [enableNonRepudiationChecks, ...(isLocal ? [allowInsecureRequests] : [])];
  const options = { execute, timeout: TIMEOUT_SEC };
  return discovery(new URL(issuer), clientId, undefined, authenticated(clientSecret), options);
}

/** Basic is what an issuer takes that does not say; some take the other alone. */
function authenticated(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, ...rest) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const isBasic = methods.includes('client_secret_basic');
    return (isBasic ? basic : post)(server, ...rest);
  };
}

export const providerUnavailable = (cause: unknown): WaymarkError => {
  const message = 'the place to log in cannot be reached now: retry in a moment';
  return new WaymarkError('RES_UNAVAILABLE', message, {}, { cause });
};
