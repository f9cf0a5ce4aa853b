import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { deeds } from './deeds.ts';
import { makeSite, ORG, type Site } from './site.ts';

const HOUR_MS = 3_600_000;
const NOT_VERIFIED = 4;

interface Recorded {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}
type Tamper = (path: string, genuine: Recorded) => Recorded | undefined;

/**
 * Fault 25 of docs/spec/reliability.md: what a real server signed, given to a real client by
 * someone in between. `test/cli/attacks.test.ts` has the documents that a
 * server would never sign.
 */
describe('someone between client and server', () => {
  let site: Site;
  let proxy: http.Server;
  let tamper: Tamper;
  let client: TestClient;
  let laterMs: number;
  let turn = 0;
  const seen = new Map<string, Recorded>();

  beforeAll(async () => {
    site = await makeSite();
    proxy = http.createServer((request, response) => void pass(request, response));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    proxy.close();
    proxy.closeAllConnections();
    await site.remove();
  });

  /** A client that has the newest, and a newer one that it has not seen. */
  beforeEach(async () => {
    tamper = () => undefined;
    laterMs = 0;
    const { port } = proxy.address() as AddressInfo;
    client = await makeClient({
      WAYMARK_URL: `http://127.0.0.1:${port}`,
      WAYMARK_ORG: ORG,
      WAYMARK_TOKEN: site.adminKey,
    });
    Object.defineProperty(client, 'nowMs', { get: () => Date.now() + laterMs });
    await change();
    await succeed('enrol', '--name', 'laptop', '--channel', 'rolling');
    await succeed('add', 'sales', 'on-call');
    return () => client.remove();
  });

  it('who changes nothing is not in the way', async () => {
    await change();

    await succeed('sync');
  });

  it('cannot give the index of yesterday', async () => {
    const old = recordings();
    await change();
    await succeed('sync');
    tamper = (path) => (/\/index/.test(path) ? old.get(path) : undefined);

    await expectRefusal();
  });

  it('cannot hold back what is new for longer than an index lives', async () => {
    const old = recordings();
    await change();
    tamper = (path) => old.get(path);
    laterMs = 25 * HOUR_MS;

    await expectRefusal();
  });

  it('cannot give an old manifest under a new index', async () => {
    const old = recordings();
    await change();
    tamper = (path) => (/\/manifest/.test(path) ? old.get(path.replace(/\?.*/, '')) : undefined);

    await expectRefusal();
  });

  it('cannot give one plugin in the place of another', async () => {
    await change();
    const other = [...seen].find(([path]) => /on-call\/manifest/.test(path))![1];
    tamper = (path) => (/sales\/manifest/.test(path) ? other : undefined);

    await expectRefusal();
  });

  it.each(['index', 'manifest'])('cannot strip the signature from the %s', async (document) => {
    await change();
    tamper = (path, { headers, ...rest }) => {
      if (!path.includes(`/${document}`)) return undefined;
      if (path.includes('.asc')) return { status: 404, headers: {}, body: Buffer.alloc(0) };
      const { 'x-waymark-signature': _stripped, ...others } = headers;
      return { ...rest, headers: others };
    };

    await expectRefusal();
  });

  it.each(['index', 'manifest'])('cannot change a byte of the %s', async (document) => {
    await change();
    tamper = (path, genuine) => {
      if (!path.includes(`/${document}`) || path.includes('.asc')) return undefined;
      const body = Buffer.from(genuine.body.toString().replace(/"seq":\d/, '"seq":9'));
      return { ...genuine, body };
    };

    await expectRefusal();
  });

  it('cannot change a byte of the bundle', async () => {
    await change();
    tamper = (path, genuine) => {
      if (!path.includes('/download') && !path.includes('/blobs/')) return undefined;
      const body = Buffer.from(genuine.body);
      body[body.length >> 1] = body[body.length >> 1]! ^ 1;
      return { ...genuine, body };
    };

    await expectRefusal();
  });

  it('cannot hide a rotation of the keys and have the new ones trusted', async () => {
    const rotated = await site.ask('/api/v1/keys/rotate', { body: { roles: ['root', 'index'] } });
    expect(rotated.status).toBe(201);
    await change();
    tamper = (path) =>
      /\/root/.test(path) ? { status: 404, headers: {}, body: Buffer.alloc(0) } : undefined;

    await expectRefusal();

    tamper = () => undefined;
    await succeed('sync');
  });

  async function change(): Promise<void> {
    turn += 1;
    const attempt = await deeds.push(site, turn);
    await attempt.run();
  }

  /** What was answered so far, by path with and without its query. */
  function recordings(): Map<string, Recorded> {
    const bare = [...seen].map(([path, answer]) => [path.replace(/\?.*/, ''), answer] as const);
    return new Map([...bare, ...seen]);
  }

  async function succeed(...argv: string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await client.run(...argv);
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
  }

  async function expectRefusal(): Promise<void> {
    const before = await client.files();
    const { exitCode, stdout, stderr } = await client.run('sync');
    expect(exitCode, `${stdout}${stderr}`).toBe(NOT_VERIFIED);
    expect(await client.files('plugins')).toEqual(under(before, 'plugins/'));
    expect(await client.read('waymark.lock')).toBe(before['waymark.lock']);
  }

  async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(`${site.server.url}${request.url}`, {
      method: request.method!,
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    const genuine = {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Buffer.from(await answer.arrayBuffer()),
    };
    if (request.method === 'GET' && answer.status === 200) seen.set(request.url!, genuine);
    const { status, headers: sent, body } = tamper(request.url!, genuine) ?? genuine;
    const { 'content-length': _length, 'transfer-encoding': _coding, ...kept } = sent;
    response.writeHead(status, kept);
    response.end(body);
  }
});

const under = (files: Record<string, string>, folder: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files)
      .filter(([path]) => path.startsWith(folder))
      .map(([path, content]) => [path.slice(folder.length), content]),
  );
