import { mkdir, open as openFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../src/model/digest.ts';
import { Failure, VerificationError } from '../errors.ts';
import { type Connection, open, reasonOf, toRefusal } from '../http.ts';
import type { Progress } from '../output.ts';
import { lstatIfAny, readIfAny, writeDurably } from './files.ts';

export interface Download {
  connection: Connection;
  path: string;
  query: Record<string, string>;
  /** Where what has arrived waits for the rest, over runs. */
  dir: string;
  /** Endless data: no more than this is ever stored. */
  limitBytes: number;
  progress: Progress;
}

const ATTEMPTS = 3;
/** Between two chunks, not for the whole: a big bundle over a slow line is no fault. */
const IDLE_MS = 60_000;
const TOTAL_MS = 60 * 60_000;

/**
 * Fetches a bundle into a file and answers its path. What broke off goes on
 * where it stopped, if the server still has the very same bytes.
 *
 * @throws {VerificationError} `DOCUMENT_TOO_LARGE`
 */
export async function downloadBundle(download: Download): Promise<string> {
  await mkdir(download.dir, { recursive: true });
  const part = partOf(download);
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(download, part);
      return part.path;
    } catch (error) {
      if (!(error instanceof BrokenOff) || attempt === ATTEMPTS) throw error;
    }
  }
}

export async function discardDownloads(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
}

/** Worth another attempt: the line failed, not the answer. */
class BrokenOff extends Failure {}

interface Part {
  path: string;
  /** Holds the entity tag of what is in `path`. */
  tagPath: string;
}

function partOf({ dir, connection, path, query }: Download): Part {
  const name = sha256Hex(JSON.stringify([connection.url, path, query])).slice(0, 32);
  return { path: join(dir, `${name}.part`), tagPath: join(dir, `${name}.etag`) };
}

async function fetchRest(download: Download, part: Part): Promise<void> {
  const { connection, path, query, limitBytes, progress } = download;
  const stored = (await lstatIfAny(part.path))?.size ?? 0;
  const tag = (await readIfAny(part.tagPath))?.toString();
  const canResume = stored > 0 && tag !== undefined;
  const headers = canResume ? { range: `bytes=${stored}-`, 'if-range': tag } : {};

  const response = await open(connection, {
    path,
    query,
    headers,
    limitBytes,
    timeoutMs: TOTAL_MS,
  });

  if (response.status === 416 && canResume) return restart(download, part, response);
  if (response.status >= 400) throw await toRefusal(response);
  const from = response.status === 206 && startsAt(response) === stored ? stored : 0;
  if (response.status === 206 && from === 0) return restart(download, part, response);
  if (from === 0) await storeTag(part, response);
  else progress.advance(stored);
  await append(response, part, { from, limitBytes, progress });
}

/** What is stored cannot be gone on with: all of it was there, or the bytes are others now. */
async function restart(download: Download, part: Part, response: Response): Promise<void> {
  await response.body?.cancel();
  await rm(part.path, { force: true });
  await rm(part.tagPath, { force: true });
  return fetchRest(download, part);
}

const startsAt = (response: Response): number =>
  Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);

/** Only a strong tag vouches for equal bytes. */
async function storeTag({ path, tagPath }: Part, response: Response): Promise<void> {
  await rm(path, { force: true });
  const tag = response.headers.get('etag');
  if (tag?.startsWith('"')) await writeDurably(tagPath, tag);
  else await rm(tagPath, { force: true });
}

interface Appending {
  from: number;
  limitBytes: number;
  progress: Progress;
}

/** Each chunk is in the file before the next is asked for: what has arrived is never fetched again. */
async function append(response: Response, { path }: Part, terms: Appending): Promise<void> {
  const { from, limitBytes, progress } = terms;
  const declared = Number(response.headers.get('content-length') ?? Number.NaN);
  const file = await openFile(path, from > 0 ? 'a' : 'w');
  let size = from;
  try {
    for await (const chunk of brokenOffInWords(response)) {
      size += chunk.length;
      if (size > limitBytes) throw tooLarge(response.url, limitBytes);
      await file.writeFile(chunk);
      progress.advance(chunk.length);
    }
  } finally {
    await file.close();
  }
  if (size - from < declared) throw new BrokenOff(`${response.url} broke off after ${size} bytes`);
}

async function* brokenOffInWords(response: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* withIdleLimit(response);
  } catch (cause) {
    throw new BrokenOff(`${response.url} broke off: ${reasonOf(cause)}`, { cause });
  }
}

async function* withIdleLimit(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  let isIdle = false;
  const timer = setTimeout(() => {
    isIdle = true;
    reader?.cancel().catch(() => {});
  }, IDLE_MS);
  try {
    while (reader) {
      const { done, value } = await reader.read();
      if (isIdle) throw new Failure(`nothing came for ${IDLE_MS / 1000} s`);
      if (done) return;
      timer.refresh();
      yield value;
    }
  } finally {
    clearTimeout(timer);
    reader?.cancel().catch(() => {});
  }
}

function tooLarge(url: string, limitBytes: number): VerificationError {
  const message = `${url} is larger than the ${limitBytes} bytes that its content can need`;
  return new VerificationError('DOCUMENT_TOO_LARGE', message);
}
