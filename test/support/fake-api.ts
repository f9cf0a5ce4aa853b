import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ApiRequest {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, unknown>;
  body: unknown;
}

/** Answers `/api/v1` as it is told, and keeps what it was asked. */
export interface FakeApi {
  url: string;
  requests: ApiRequest[];
  /** `<METHOD> <path without query>` → status and body; a function gets the page. */
  routes: Record<string, [status: number, body: unknown] | ((page: number) => unknown)>;
  close(): Promise<void>;
}

export async function startFakeApi(): Promise<FakeApi> {
  const http = createServer((request, response) => void answer(request, response));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', api.url);
    const method = request.method ?? '';
    const body = await text(request);
    const { headers } = request;
    const path = url.pathname.replace('/api/v1', '');
    const query = Object.fromEntries(url.searchParams);
    const sent = body === '' ? undefined : JSON.parse(body);
    api.requests.push({ method, path, query, headers, body: sent });
    const route = api.routes[`${method} ${path}`];
    const page = Number(url.searchParams.get('page') ?? 1);
    const error = { success: false, error: { code: 'RES_NOT_FOUND', message: `no ${path}` } };
    const [status, content] =
      typeof route === 'function' ? [200, route(page)] : (route ?? [404, error]);
    response.writeHead(status).end(status === 204 ? '' : JSON.stringify(content));
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const api: FakeApi = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests: [],
    routes: {},
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return api;
}

export const success = (data: unknown, hasNext = false): unknown => ({
  success: true,
  data,
  meta: { pagination: { hasNext } },
});
