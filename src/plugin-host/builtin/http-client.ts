import type { Waymark } from '../runtime/guest/types.ts';

export interface HttpRequest {
  method?: string;
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Text, sent as UTF-8. */
  body?: string;
  /** At most 5. */
  timeoutSec?: number;
}

export interface HttpAnswer {
  status: number;
  /** By lower-case name; one that came several times is joined by commas. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** @throws an error with the `code` that `host.http.do` gives */
export type HttpClient = (request: HttpRequest) => Promise<HttpAnswer>;

/** Requests as any plugin makes them: granted, limited, and to checked addresses alone. */
export const httpClient =
  (waymark: Waymark): HttpClient =>
  async ({ body = '', ...request }) => {
    const sent = { ...request, body: Buffer.from(body).toString('base64') };
    const answer = (await waymark.call('host.http.do', sent)) as WireAnswer;
    const headers = Object.entries(answer.headers).map(
      ([name, values]) => [name.toLowerCase(), values.join(', ')] as const,
    );
    return {
      status: answer.status,
      headers: Object.fromEntries(headers),
      body: Buffer.from(answer.body, 'base64'),
    };
  };

interface WireAnswer {
  status: number;
  headers: Readonly<Record<string, readonly string[]>>;
  body: string;
}
