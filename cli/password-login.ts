import { hostname } from 'node:os';
import { type Clock, toTime } from '../src/model/clock.ts';
import { callApi } from './api.ts';
import { UsageError } from './errors.ts';
import { type Connection, request } from './http.ts';

interface LogIn {
  username: string;
  password: string;
  /** Absent: the only one that the person is in. */
  org?: string;
}

interface Begun {
  org: string | null;
  roles: string[];
  csrfToken: string;
}

const KEY_MS = 90 * 86_400_000;
const LIMIT_BYTES = 1024 * 1024;

/** An API key of one's own, made in a session that is over when this returns. */
export async function makeOwnKey(
  url: string,
  login: LogIn,
  clock: Clock,
): Promise<{ token: string; org: string }> {
  const { headers, body } = await request(
    { url },
    { method: 'POST', path: '/api/v1/session', body: login, limitBytes: LIMIT_BYTES },
  );
  const { data } = JSON.parse(body.toString()) as { data: Begun };
  const [cookie = ''] = (headers.get('set-cookie') ?? '').split(';');
  const page = { cookie, origin: new URL(url).origin, 'x-csrf-token': data.csrfToken };
  try {
    if (data.org === null) throw new UsageError('name your organisation with --org');
    const key = await createKey({ url, org: data.org }, page, data.roles, clock);
    return { token: key, org: data.org };
  } finally {
    await callApi({ url }, { method: 'DELETE', path: '/session', headers: page });
  }
}

async function createKey(
  connection: Connection,
  headers: Record<string, string>,
  roles: readonly string[],
  clock: Clock,
): Promise<string> {
  const expiresAt = toTime(clock() + KEY_MS);
  const body = { name: `waymark login on ${hostname()}`, roles, expiresAt };
  const asked = { method: 'POST', path: '/api-keys', headers, body };
  return (await callApi<{ key: string }>(connection, asked)).key;
}
