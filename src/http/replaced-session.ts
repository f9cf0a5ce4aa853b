import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../identity/authenticate.ts';
import { WaymarkError } from '../model/errors.ts';
import { sessionTokensIn } from './session-cookie.ts';

/** The session that a browser has: a log-in ends it, or whoever planted it would stay in it. */
export async function findReplaced(
  request: IncomingMessage,
  authenticator: Pick<Authenticator, 'authenticateSession'>,
  publicUrl: string | null,
): Promise<string | undefined> {
  const [token] = sessionTokensIn(request, publicUrl);
  if (token === undefined) return undefined;
  const caller = await authenticator.authenticateSession(token).catch(ignoreRefusal);
  return caller?.session?.id;
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof WaymarkError)) throw error;
}
