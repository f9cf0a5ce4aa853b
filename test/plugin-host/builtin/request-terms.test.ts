import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/plugin-host/builtin/http-client.ts';
import { type RequestTerms, underTerms } from '../../../src/plugin-host/builtin/request-terms.ts';

type Outcome = number | Error;

const refused = (code: string, reason?: string) =>
  Object.assign(new Error('no answer'), { code, ...(reason && { details: { reason } }) });

const url = 'https://api.example.com/';
const retryPolicy = {
  maxAttempts: 3,
  backoff: 'exponential',
  delaySec: 2,
  maxDelaySec: 3,
} as const;

/** An endpoint that does these, one after the other, and how long was waited between them. */
function open(terms: RequestTerms, outcomes: readonly Outcome[]) {
  const sent: HttpRequest[] = [];
  const pauses: number[] = [];
  const client = underTerms(
    async (request) => {
      const outcome = outcomes[sent.push(request) - 1]!;
      if (outcome instanceof Error) throw outcome;
      return { status: outcome, headers: {}, body: Buffer.alloc(0) };
    },
    terms,
    async (delayMs) => pauses.push(delayMs),
  );
  return { client, sent, pauses };
}

describe('underTerms', () => {
  it('sends headers along, beneath the request’s own', async () => {
    const customHeaders = { 'X-Team': 'red', Accept: 'text/plain' };
    const { client, sent } = open({ customHeaders, timeoutSec: 2 }, [200]);

    await client({ url, headers: { accept: 'application/json' } });

    expect(sent).toEqual([
      { url, headers: { 'x-team': 'red', accept: 'application/json' }, timeoutSec: 2 },
    ]);
  });

  it('sends once where nothing is said of retries', async () => {
    const { client, sent } = open({}, [503]);

    expect(await client({ url })).toMatchObject({ status: 503 });
    expect(sent).toHaveLength(1);
  });

  it.each([
    ['429', 429],
    ['503', 503],
    ['no answer in time', refused('UPSTREAM_TIMEOUT')],
    ['a broken connection', refused('UPSTREAM_FAILED', 'FAILED')],
  ])('sends again after %s', async (_, outcome) => {
    const { client, pauses } = open({ retryPolicy }, [outcome, 200]);

    expect(await client({ url })).toMatchObject({ status: 200 });
    expect(pauses).toEqual([2000]);
  });

  it('waits longer each time, and gives up after the last', async () => {
    const { client, sent, pauses } = open({ retryPolicy }, [503, 503, 502]);

    expect(await client({ url })).toMatchObject({ status: 502 });
    expect(sent).toHaveLength(3);
    expect(pauses).toEqual([2000, 3000]);
  });

  it.each([
    ['400', 'GET', 400],
    ['a redirect', 'GET', refused('UPSTREAM_FAILED', 'REDIRECTED')],
    ['a refused address', 'GET', refused('INT_ENDPOINT_REFUSED')],
    ['503 to what changes something', 'POST', 503],
  ])('does not after %s', async (_, method, outcome) => {
    const { client, sent } = open({ retryPolicy }, [outcome]);

    await client({ url, method }).catch((error: unknown) => expect(error).toBe(outcome));

    expect(sent).toHaveLength(1);
  });
});
