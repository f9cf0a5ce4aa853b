import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/app.ts';
import { postgresServer } from '../support/backends.ts';
import { type OwnPostgres, startOwnPostgres } from '../support/postgres.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { isFull } from './site.ts';

const RESTARTS = isFull ? 20 : 2;
const WRITERS = 4;
/** Acknowledged between one restart and the next. */
const BETWEEN = 8;

interface Listed {
  data: { name: string }[];
  meta: { pagination: { hasNext: boolean } };
}

/** Fault 11 of docs/spec/reliability.md. A server of its own: others’ tests go on. */
const isInstalled = (await postgresServer()) !== undefined;
const postgres = isInstalled ? await startOwnPostgres() : undefined;
describe.skipIf(postgres === undefined)('PostgreSQL, restarted at once under writers', () => {
  const { url: database, restart, stop } = postgres ?? ({} as OwnPostgres);
  let server: RunningServer;

  beforeAll(async () => {
    server = await startServer({ env: { DATABASE_URL: database } });
  });
  afterAll(async () => {
    await server.stop();
    await stop();
  });

  const api = <T>(path: string, body?: unknown) =>
    ask<T>(`${server.url}${path}`, {
      token: server.adminKey,
      headers: { 'x-waymark-org': 'acme' },
      body,
    });

  it('loses nothing that was acknowledged, and its pool heals', async () => {
    const acknowledged: string[] = [];
    const refusals: number[] = [];
    let isOver = false;
    let next = 0;
    let enough = Promise.withResolvers<void>();
    const write = async (): Promise<void> => {
      while (!isOver) {
        const name = `key-${next++}`;
        const { status } = await api('/api/v1/api-keys', { name, roles: ['viewer'] });
        if (status === 201) acknowledged.push(name);
        else refusals.push(status);
        if (acknowledged.length % BETWEEN === 0) enough.resolve();
      }
    };
    const writing = Promise.all(Array.from({ length: WRITERS }, write));
    // Awaited last, however it ends.
    writing.catch(() => {});

    try {
      for (let i = 0; i < RESTARTS; i++) {
        await Promise.race([enough.promise, writing]);
        await restart();
        enough = Promise.withResolvers();
      }
      await Promise.race([enough.promise, writing]);
    } finally {
      isOver = true;
      await writing;
    }

    expect(refusals.filter((status) => status !== 503)).toEqual([]);
    expect(await names()).toEqual(expect.arrayContaining(acknowledged));
    const { body } = await api<{ data: unknown }>('/api/v1/audit/verify');
    expect(body.data).toMatchObject({ ok: true });
    expect((await api('/readyz')).body).toMatchObject({ status: 'ready' });
  });

  it('serves clients while it is away', async () => {
    const path = '/v1/orgs/acme/delivery/index';
    const token = await clientToken();
    const before = await ask(`${server.url}${path}`, { token });

    const restarting = restart();
    const during = await ask(`${server.url}${path}`, { token });
    await restarting;

    expect([before.status, during.status]).toEqual([200, 200]);
  });

  async function clientToken(): Promise<string> {
    const path = '/v1/orgs/acme/delivery/clients';
    const { body } = await api<{ token: string }>(path, { name: 'laptop' });
    return body.token;
  }

  async function names(): Promise<string[]> {
    const found: string[] = [];
    for (let page = 1; ; page++) {
      const { body } = await api<Listed>(`/api/v1/api-keys?pageSize=100&page=${page}`);
      found.push(...body.data.map(({ name }) => name));
      if (!body.meta.pagination.hasNext) return found;
    }
  }
});
