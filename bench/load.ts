import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The same request, again and again, over kept-alive connections. */
export interface LoadOrder {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  connections: number;
  durationMs: number;
  /** Any other status is a failed measurement. */
  status: number;
}

export interface LoadResult {
  requests: number;
  bytes: number;
  elapsedMs: number;
}

export interface LoadGenerator {
  run(order: LoadOrder): Promise<LoadResult>;
  close(): void;
}

/** A generator in a process of its own, so that it does not share the server's thread. */
export function startLoadGenerator(): LoadGenerator {
  const child = fork(join(import.meta.dirname, 'load-process.ts'));
  return {
    async run(order) {
      child.send(order);
      const [answer] = (await once(child, 'message')) as [LoadResult | { error: string }];
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    },
    close: () => void child.kill(),
  };
}

export const requestsPerSec = ({ requests, elapsedMs }: LoadResult): number =>
  (requests / elapsedMs) * 1000;

export const bytesPerSec = ({ bytes, elapsedMs }: LoadResult): number => (bytes / elapsedMs) * 1000;
