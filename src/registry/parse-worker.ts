import { parentPort } from 'node:worker_threads';
import type { ObjectType } from '../model/names.ts';
import { summariseObject } from './summary.ts';

/** One batch: the documents' bytes lie one after the other in `bytes`. */
export interface ParseBatch {
  id: number;
  documents: { type: ObjectType; path: string; size: number }[];
  bytes: Uint8Array;
}

parentPort?.on('message', ({ id, documents, bytes }: ParseBatch) => {
  let offset = 0;
  const summaries = documents.map(({ type, path, size }) => {
    const slice = bytes.subarray(offset, offset + size);
    offset += size;
    return summariseObject(type, slice, path);
  });
  parentPort?.postMessage({ id, summaries });
});
