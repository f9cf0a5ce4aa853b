import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ObjectType } from '../model/names.ts';
import type { ParseBatch } from './parse-worker.ts';
import { type DocumentSummary, summariseFaultless, summariseObject } from './summary.ts';

export interface UnparsedObject {
  type: ObjectType;
  path: string;
  bytes: Buffer;
}

/** Below this, starting to copy costs more than parsing at once. */
const WORTH_A_WORKER = 64;
/** A few documents of the largest size would hold everybody up for seconds. */
const WORTH_A_WORKER_BYTES = 256 * 1024;
/** Above this, two cores are faster than one that has nothing to load. */
const WORTH_A_WORKER_AT_ONCE = 32 * 1024 * 1024;
/** Larger ones are few, and one of them would take the turn of hundreds. */
const EASY_BYTES = 16 * 1024;
/** What else the process has to do waits no longer than this. */
const TURN_MS = 5;
const BATCH = 128;
const IDLE_MS = 10_000;

interface Lane {
  worker: Worker;
  pending: Map<number, { resolve: (s: DocumentSummary[]) => void; reject: (e: Error) => void }>;
}

/**
 * Summarises many documents: the easy ones here, since a worker takes longer to
 * start than thousands of them, and the others on all cores. The workers end by themselves when
 * idle, and never keep the process alive.
 */
export class ParsePool {
  #lanes: Lane[] = [];
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;

  async summarise(documents: readonly UnparsedObject[]): Promise<DocumentSummary[]> {
    const bytes = sizeOf(documents);
    const summaries = bytes > WORTH_A_WORKER_AT_ONCE ? [] : await summariseEasy(documents);
    const left = documents.filter((_, i) => !summaries[i]);
    const others = await this.#summariseOthers(left);
    let next = 0;
    return documents.map((_, i) => summaries[i] ?? others[next++]!);
  }

  async #summariseOthers(documents: readonly UnparsedObject[]): Promise<DocumentSummary[]> {
    if (documents.length < WORTH_A_WORKER && sizeOf(documents) < WORTH_A_WORKER_BYTES) {
      return documents.map(({ type, bytes, path }) => summariseObject(type, bytes, path));
    }
    const lanes = this.#start();
    const batches: Promise<DocumentSummary[]>[] = [];
    for (let i = 0; i < documents.length; i += BATCH) {
      const lane = lanes.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
      batches.push(this.#send(lane, documents.slice(i, i + BATCH)));
    }
    const summaries = (await Promise.all(batches)).flat();
    this.#stopWhenIdle();
    return summaries;
  }

  close(): void {
    clearTimeout(this.#idle);
    for (const { worker } of this.#lanes) void worker.terminate();
    this.#lanes = [];
  }

  #start(): Lane[] {
    clearTimeout(this.#idle);
    while (this.#lanes.length < availableParallelism()) this.#lanes.push(this.#open());
    return this.#lanes;
  }

  #open(): Lane {
    const worker = new Worker(new URL(import.meta.url.replace('parse-pool', 'parse-worker')));
    const lane: Lane = { worker, pending: new Map() };
    worker.unref();
    worker.on('message', ({ id, summaries }: { id: number; summaries: DocumentSummary[] }) => {
      lane.pending.get(id)?.resolve(summaries);
      lane.pending.delete(id);
      if (lane.pending.size === 0) worker.unref();
    });
    worker.on('error', (error) => this.#drop(lane, error));
    worker.on('exit', () => this.#drop(lane, new Error('a parse worker ended')));
    return lane;
  }

  #drop(lane: Lane, error: Error): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane);
    for (const { reject } of lane.pending.values()) reject(error);
    lane.pending.clear();
  }

  #send(lane: Lane, documents: readonly UnparsedObject[]): Promise<DocumentSummary[]> {
    const id = this.#nextId++;
    const bytes = new Uint8Array(Buffer.concat(documents.map((document) => document.bytes)));
    const batch: ParseBatch = {
      id,
      documents: documents.map(({ type, path, bytes: { length } }) => ({
        type,
        path,
        size: length,
      })),
      bytes,
    };
    return new Promise((resolve, reject) => {
      lane.pending.set(id, { resolve, reject });
      lane.worker.ref();
      lane.worker.postMessage(batch, [bytes.buffer]);
    });
  }

  #stopWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#lanes.every(({ pending }) => pending.size === 0)) this.close();
    }, IDLE_MS).unref();
  }
}

const sizeOf = (documents: readonly UnparsedObject[]): number =>
  documents.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** Those that are small, plain and faultless; a hole for each of the others. */
async function summariseEasy(
  documents: readonly UnparsedObject[],
): Promise<(DocumentSummary | undefined)[]> {
  const summaries: (DocumentSummary | undefined)[] = [];
  let turnEnds = performance.now() + TURN_MS;
  for (const { type, bytes, path } of documents) {
    const isSmall = bytes.length <= EASY_BYTES;
    summaries.push(isSmall ? summariseFaultless(type, bytes, path) : undefined);
    if (performance.now() < turnEnds) continue;
    await setImmediate();
    turnEnds = performance.now() + TURN_MS;
  }
  return summaries;
}
