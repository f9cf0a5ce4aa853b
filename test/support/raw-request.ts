import { type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
}

/** One request whose path goes out as it stands: `fetch` follows its dots first. */
export function askRaw(
  origin: string,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string | string[]>; body?: string | Buffer } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, path, method, headers }, (answer) => {
      buffer(answer).then((bytes) => {
        const { statusCode: status = 0, headers: sent } = answer;
        resolve({ status, headers: sent, bytes, text: bytes.toString() });
      }, reject);
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
