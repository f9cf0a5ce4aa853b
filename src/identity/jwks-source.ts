import { readFile } from 'node:fs/promises';

const TIMEOUT_MS = 5000;
const LIMIT_BYTES = 262_144;

/** @param place an `http(s)` address, or the path of a file */
export async function readJwks(place: string): Promise<unknown> {
  const isAddress = /^https?:\/\//.test(place);
  return JSON.parse(isAddress ? await download(place) : await readFile(place, 'utf8'));
}

async function download(url: string): Promise<string> {
  const response = await fetch(url, {
    // The operator named this address, and no other.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/jwk-set+json, application/json' },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > LIMIT_BYTES) throw new Error(`${url} sent more than ${LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
