import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ObjectType } from '../model/names.ts';
import type { ParseBatch } from './parse-worker.ts';
import { type DocumentSummary, summariseObject } from './summary.ts';

export interface UnparsedObject {
  type: ObjectType;
  path: string;
  bytes: Buffer;
}

/** Below this, starting to copy costs more than parsing at once. */
const WORTH_A_WORKER = 64;
/** A few documents of the largest size would hold everybody up for seconds. */
const WORTH_A_WORKER_BYTES = 256 * 1024;
const BATCH = 128;
const IDLE_MS = 10_000;

interface Lane {
  worker: Worker;
  pending: Map<number, { resolve: (s: DocumentSummary[]) => void; reject: (e: Error) => void }>;
}

/**
 * Summarises many documents on all cores. The workers end by themselves when
 * idle, and never keep the process alive.
 */
export class ParsePool {
  #lanes: Lane[] = [];
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;

  async summarise(documents: readonly UnparsedObject[]): Promise<DocumentSummary[]> {
    const bytes = documents.reduce((sum, document) => sum + document.bytes.length, 0);
    if (documents.length < WORTH_A_WORKER && bytes < WORTH_A_WORKER_BYTES) {
      return documents.map((document) =>
        summariseObject(document.type, document.bytes, document.path),
      );
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
