import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { sha256Hex } from '../../src/model/digest.ts';
import {
  type FakeRepository,
  type FakeVersion,
  filesIn,
  packBundle,
  type Signed,
  sealFor,
  tarEntriesOf,
} from './fake-repository.ts';
import type { TestOrg } from './org-keys.ts';

/** Replaces what the honest server would answer. */
export interface Tampering {
  root?: (version: number) => Signed | undefined | Promise<Signed | undefined>;
  index?: () => Promise<Signed>;
  manifest?: (version: FakeVersion, layout: string) => Promise<Signed>;
  tag?: (version: FakeVersion) => Promise<Buffer>;
  /** The plain tar.gz. */
  bundle?: (version: FakeVersion, layout: string) => Promise<Buffer>;
  /** Who seals, instead of the org. */
  sealer?: TestOrg;
  /** The bytes that go out, sealed where they are. */
  download?: (bytes: Buffer) => Promise<Buffer> | Buffer;
}

export interface FakeServer {
  url: string;
  repository: FakeRepository;
  tampering: Tampering;
  /** The `Warning` header of manifests. */
  warning?: string;
  updates: unknown[];
  /** Bodies of POST /clients, in order. */
  enrolments: Record<string, unknown>[];
  /** Bodies of POST …/state, in order. */
  reports: Record<string, unknown>[];
  /** `<method> <path>?<query>` of each request; downloads with their `range`. */
  requests: string[];
  /** Ends each of the next downloads after so many bytes. */
  cuts: number[];
  close(): Promise<void>;
}

const CLIENT_ID = '0192-client';
const BASE = /^\/v1\/orgs\/[^/]+\/delivery/;

/** The delivery routes, as far as a client needs them, on a free port. */
export async function startFakeServer(repository: FakeRepository): Promise<FakeServer> {
  let publicKey: string | null = null;
  const bodies = new Map<string, Buffer>();

  const http = createServer((request, response) => {
    answer(request, response).catch((error: Error) => refuse(response, 500, error.message));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: FakeServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    repository,
    tampering: {},
    updates: [],
    enrolments: [],
    reports: [],
    requests: [],
    cuts: [],
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', server.url);
    const range = request.headers.range ? ` ${request.headers.range}` : '';
    server.requests.push(
      `${request.method} ${url.pathname.replace(BASE, '')}${url.search}${range}`,
    );
    if (!request.headers.authorization?.startsWith('Bearer '))
      return refuse(response, 401, 'no token');
    const path = url.pathname.replace(BASE, '').split('/').slice(1).map(decodeURIComponent);
    const [first = '', id = '', third, release, fifth] = path;
    if (first === 'root')
      return sendRoot(response, id === '' ? repository.roots.length : Number(id));
    if (first === 'index')
      return send(response, await (server.tampering.index ?? repository.index)());
    if (first === 'clients') return answerClient(request, response, path.slice(1));
    if (first !== 'plugins') return refuse(response, 404, 'no such route');
    if (third === 'releases' && release === undefined) return sendReleases(response, id);

    const version =
      third === 'releases' ? repository.releases.get(release ?? '') : repository.current.get(id);
    if (!version) return refuse(response, 404, `${id} has no such version`);
    const what = fifth ?? third;
    const layout = url.searchParams.get('layout') ?? 'raw';
    if (what === 'manifest' && server.warning) response.setHeader('warning', server.warning);
    if (what === 'manifest') return send(response, await manifest(version, layout));
    if (what === 'tag') return void response.end(await tag(version));
    if (what === 'download') return sendDownload(request, response, version, url.searchParams);
    return refuse(response, 404, 'no such route');
  }

  async function sendRoot(response: ServerResponse, version: number): Promise<void> {
    const tampered = await server.tampering.root?.(version);
    const root = tampered ?? repository.roots[version - 1];
    return root ? send(response, root) : refuse(response, 404, `no root ${version}`);
  }

  function manifest(version: FakeVersion, layout: string): Promise<Signed> {
    return (server.tampering.manifest ?? repository.manifest)(version, layout);
  }

  function tag(version: FakeVersion): Promise<Buffer> {
    return (server.tampering.tag ?? repository.tag)(version);
  }

  async function answerClient(request: IncomingMessage, response: ServerResponse, path: string[]) {
    const body = (await json(request)) as Record<string, unknown>;
    if (path.length === 0) {
      server.enrolments.push(body);
      publicKey = (body['publicKey'] as string | undefined) ?? null;
      const sha256 = sha256Hex(repository.roots.at(-1)?.body ?? '');
      const root = { version: repository.roots.length, sha256 };
      return void response
        .writeHead(201)
        .end(JSON.stringify({ clientId: CLIENT_ID, token: 'wmc_1_s', root }));
    }
    if (path[1] === 'state') {
      server.reports.push(body);
      return void response.writeHead(204).end();
    }
    response.end(JSON.stringify({ updates: server.updates, unchanged: [] }));
  }

  function sendReleases(response: ServerResponse, plugin: string): void {
    const items = [...repository.releases.values()]
      .filter((version) => version.plugin === plugin)
      .map(({ version, release, seq }) => ({ plugin, version, tag: release, seq, yanked: false }));
    response.end(JSON.stringify({ items, nextCursor: null }));
  }

  async function sendDownload(
    request: IncomingMessage,
    response: ServerResponse,
    version: FakeVersion,
    query: URLSearchParams,
  ): Promise<void> {
    const bytes = await bodyOf(version, query);
    const etag = `"${sha256Hex(bytes).slice(0, 16)}"`;
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const isPart = from > 0 && request.headers['if-range'] === etag;
    const sent = isPart ? bytes.subarray(from) : bytes;
    response.writeHead(isPart ? 206 : 200, {
      etag,
      'content-length': sent.length,
      ...(isPart && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    const cut = server.cuts.shift();
    if (cut === undefined) return void response.end(sent);
    response.write(sent.subarray(0, cut), () => response.destroy());
  }

  /** Sealing anew would give other bytes each time, and Range nothing to go on with. */
  async function bodyOf(version: FakeVersion, query: URLSearchParams): Promise<Buffer> {
    const layout = query.get('layout') ?? 'raw';
    const isSealed = query.get('encryption') === 'openpgp' && publicKey !== null;
    const key = JSON.stringify([version.plugin, version.seq, layout, isSealed]);
    const plain = await (server.tampering.bundle ?? honestBundle)(version, layout);
    const sealed = isSealed
      ? await sealFor(server.tampering.sealer ?? repository.org, publicKey ?? '', plain)
      : plain;
    const { bundle, sealer } = server.tampering;
    const known = bundle || sealer ? undefined : bodies.get(key);
    const body = known ?? sealed;
    bodies.set(key, body);
    return (await server.tampering.download?.(body)) ?? body;
  }
}

const honestBundle = ({ files }: FakeVersion, layout: string): Promise<Buffer> =>
  packBundle(tarEntriesOf(filesIn(files, layout)));

function send(response: ServerResponse, { body, signature }: Signed): void {
  response.setHeader('x-waymark-signature', signature.toString('base64'));
  response.end(body);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const error = { code: status === 404 ? 'RES_NOT_FOUND' : 'REFUSED', message };
  response.writeHead(status).end(JSON.stringify({ success: false, error, meta: {} }));
}
