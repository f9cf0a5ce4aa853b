import type { IncomingMessage, ServerResponse } from 'node:http';
import { WaymarkError } from '../model/errors.ts';
import { spawnGit, stopChild } from './child.ts';
import type { PushGate } from './gate.ts';
import type { WriterCheck } from './locks.ts';
import { receivePack } from './receive-pack.ts';
import { requestBody } from './request-body.ts';
import { Semaphore } from './semaphore.ts';

export interface SmartHttp {
  repo: string;
  service: 'upload-pack' | 'receive-pack';
  /** `advertise` answers `GET …/info/refs?service=git-…`, `rpc` answers `POST …/git-…`. */
  kind: 'advertise' | 'rpc';
  /** Asked about every push; a push without one is refused by the hook. */
  gate?: PushGate;
  /** Who asks, as the audit log names them. It stands in the reflog too. */
  actor: string;
  isWriterAlive?: WriterCheck;
}

const noCache = {
  Expires: 'Fri, 01 Jan 1980 00:00:00 GMT',
  Pragma: 'no-cache',
  'Cache-Control': 'no-cache, max-age=0, must-revalidate',
};
const limits = {
  'upload-pack': { addressSpaceBytes: 2 ** 30, cpuSec: 300 },
  'receive-pack': { addressSpaceBytes: 2 ** 29, cpuSec: 30 },
};
const slots = { 'upload-pack': 8, 'receive-pack': 4 };
const WAITING_LIMIT = 1000;
/** Git says something every 5 s while it works; a client that reads nothing holds a slot. */
const SILENCE_MS = 60_000;

const semaphores = new Map<string, Semaphore>();

/**
 * Answers one request of git's smart HTTP protocol. Who may do so is the
 * caller's to decide, by the route and never by `?service=`.
 *
 * Resolves when the answer is complete and git has ended. Rejects with a
 * {@link WaymarkError} before anything was answered (`VAL_MEDIA_TYPE`,
 * `RES_UNAVAILABLE`), or after the answer with what the gate threw.
 */
export async function handleSmartHttp(
  request: IncomingMessage,
  response: ServerResponse,
  options: SmartHttp,
): Promise<void> {
  const { service, kind, repo } = options;
  response.on('error', () => {}); // a client that left; 'close' tells the same
  if (kind === 'advertise') return await advertise(request, response, options);
  const body = requestBody(request, service);
  const slot = semaphoreOf(repo, service).acquire();
  if (!slot) throw new WaymarkError('RES_UNAVAILABLE', 'too many ask for this repository: retry');
  const release = await slot;
  try {
    if (response.destroyed) return;
    response.setTimeout(SILENCE_MS, () => request.socket.destroy());
    response.writeHead(200, headers(service, 'result'));
    if (service === 'upload-pack') await uploadPack(request, response, { ...options, body });
    else await receivePack(response, { ...options, body, limits: limits[service] });
  } finally {
    response.setTimeout(0);
    release();
  }
}

async function advertise(
  request: IncomingMessage,
  response: ServerResponse,
  { service, repo }: SmartHttp,
): Promise<void> {
  const env = service === 'upload-pack' ? protocolOf(request) : {};
  const args = [service, '--stateless-rpc', '--http-backend-info-refs', repo];
  const child = spawnGit(args, {
    env,
    limits: limits[service],
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  response.writeHead(200, headers(service, 'advertisement'));
  const announcement = `# service=git-${service}\n`;
  const length = (announcement.length + 4).toString(16).padStart(4, '0');
  if (env.GIT_PROTOCOL !== 'version=2') response.write(`${length}${announcement}0000`);
  await pipeOut(child, response);
}

async function uploadPack(
  request: IncomingMessage,
  response: ServerResponse,
  { repo, body }: SmartHttp & { body: ReturnType<typeof requestBody> },
): Promise<void> {
  const child = spawnGit(['upload-pack', '--stateless-rpc', repo], {
    env: protocolOf(request),
    limits: limits['upload-pack'],
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (child.stdin) body.feed(child.stdin);
  await pipeOut(child, response);
}

/** A child that failed leaves the answer cut off: the client must not take it for whole. */
async function pipeOut(child: ReturnType<typeof spawnGit>, response: ServerResponse) {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.once('error', () => resolve(false));
  child.once('close', (exitCode) => resolve(exitCode === 0));
  response.once('close', () => {
    // Read past what is left, or the child's end is never seen.
    child.stdout?.unpipe(response).resume();
    stopChild(child);
  });
  child.stdout?.pipe(response, { end: false });
  if (await promise) response.end();
  else response.destroy();
}

const headers = (service: string, kind: 'advertisement' | 'result') => ({
  'Content-Type': `application/x-git-${service}-${kind}`,
  ...noCache,
});

/** Forwarded only in a form that git sends: the value becomes a child's environment. */
function protocolOf(request: IncomingMessage): { GIT_PROTOCOL?: string } {
  const header = request.headers['git-protocol'];
  return header === 'version=1' || header === 'version=2' ? { GIT_PROTOCOL: header } : {};
}

function semaphoreOf(repo: string, service: SmartHttp['service']): Semaphore {
  const key = `${service} ${repo}`;
  const semaphore = semaphores.get(key) ?? new Semaphore(slots[service], WAITING_LIMIT);
  semaphores.set(key, semaphore);
  return semaphore;
}
