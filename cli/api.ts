import { Failure } from './errors.ts';
import { type Connection, type Request, request } from './http.ts';

/** A diff may have 4 MiB, which JSON makes longer. */
const LIMIT_BYTES = 16 * 1024 * 1024;

interface Success {
  data: unknown;
  meta?: { pagination?: { hasNext: boolean } };
}

/** One call of `/api/v1`: its `data`. What it holds is the server's word, never verified. */
export async function callApi<T>(
  connection: Connection,
  asked: Omit<Request, 'limitBytes'>,
): Promise<T> {
  return (await call(connection, asked)).data as T;
}

/** Every page of a list. */
export async function listApi<T>(connection: Connection, path: string): Promise<T[]> {
  const items: T[] = [];
  for (let page = 1; ; page++) {
    const query = { page: String(page), pageSize: '100' };
    const { data, meta } = await call(connection, { path, query });
    items.push(...(data as T[]));
    if (!meta?.pagination?.hasNext) return items;
  }
}

async function call(connection: Connection, asked: Omit<Request, 'limitBytes'>): Promise<Success> {
  const path = `/api/v1${asked.path}`;
  const { body, url, status } = await request(connection, {
    ...asked,
    path,
    limitBytes: LIMIT_BYTES,
  });
  if (status === 204) return { data: undefined };
  try {
    return JSON.parse(body.toString()) as Success;
  } catch (cause) {
    throw new Failure(`${url} did not answer with JSON: is it a Waymark server?`, { cause });
  }
}
