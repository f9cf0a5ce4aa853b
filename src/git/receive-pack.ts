import type { ChildProcess } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { failpoint } from '../model/failpoint.ts';
import { ZERO_OID } from '../model/names.ts';
import { type Limits, spawnGit } from './child.ts';
import { type Conversation, converse, type PushedRef, type PushGate } from './gate.ts';
import { removeStaleLocks, type WriterCheck } from './locks.ts';
import { openRefs } from './refs.ts';
import type { RequestBody } from './request-body.ts';
import { countWriter } from './writers.ts';

export interface ReceivePack {
  repo: string;
  body: RequestBody;
  actor: string;
  limits: Limits;
  gate?: PushGate;
  isWriterAlive?: WriterCheck;
}

const RECEIVED_LIMIT_MS = 15_000;
/** Repositories in which git took less than the gate accepted: a lock may stand in its way. */
const suspects = new Set<string>();

/**
 * Runs one push to its end, also after the client has gone: a killed
 * `receive-pack` leaves locks. What git says after the gate accepted is held
 * back until the gate has received the push, so that whoever is told "pushed"
 * is served it.
 */
export async function receivePack(response: ServerResponse, options: ReceivePack): Promise<void> {
  const { repo, body, isWriterAlive = () => false } = options;
  if (suspects.has(repo)) {
    const { left } = await removeStaleLocks(repo, isWriterAlive);
    if (left.length === 0) suspects.delete(repo);
  }
  const discount = countWriter(repo);
  // Git holds a file below this size in memory, where the limit on memory refuses a bomb at once;
  // one above it would be inflated to its end, gigabyte by gigabyte.
  const config = ['-c', 'core.bigFileThreshold=64g'];
  const child = spawnGit([...config, 'receive-pack', '--stateless-rpc', repo], {
    env: environment(options),
    limits: options.limits,
    stdio: ['pipe', 'pipe', 'ignore', options.gate ? 'pipe' : 'ignore'],
    // A signal to the server's process group, such as Ctrl-C, must not cut a push in two.
    detached: true,
  });
  try {
    await run(child, response, { ...options, body });
  } finally {
    discount();
  }
}

async function run(child: ChildProcess, response: ServerResponse, options: ReceivePack) {
  const { repo, gate, actor, body } = options;
  let held: Buffer[] | undefined;
  child.stdout?.on('data', (chunk: Buffer) => {
    if (held) held.push(chunk);
    else response.write(chunk);
  });
  if (child.stdin) body.feed(child.stdin);
  const ended = endOf(child);
  const talk: Conversation = gate
    ? await converse(child.stdio[3] as Duplex, { gate, actor, onAccept: () => (held = []) })
    : { isAccepted: false, applied: [] };
  const { exitCode, signal } = await ended;
  if (signal !== null) suspects.add(repo);
  let failure = talk.failure;
  if (gate && talk.push && talk.isAccepted) {
    const applied = exitCode === 0 ? talk.applied : await appliedNow(repo, talk.push.updates);
    if (applied.length < talk.push.updates.length) suspects.add(repo);
    failure ??= await receive(gate, talk.push, applied);
  }
  for (const chunk of held ?? []) response.write(chunk);
  if (exitCode === null) response.destroy();
  else response.end();
  // oxlint-disable-next-line typescript/only-throw-error -- the gate's own, passed on as it was
  if (failure) throw failure;
}

/** What the gate threw. The refs have moved: the author is told so, and the sweep does the rest. */
async function receive(
  gate: PushGate,
  push: NonNullable<Conversation['push']>,
  applied: PushedRef[],
) {
  const { promise: tooLate, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, RECEIVED_LIMIT_MS);
  try {
    await failpoint('push.received');
    const received = gate.received(push, applied);
    received.catch(() => {}); // one that fails after the limit
    await Promise.race([received, tooLate]);
    return undefined;
  } catch (error) {
    return error ?? new Error('the gate failed without a reason');
  } finally {
    clearTimeout(timer);
  }
}

/** For a child that was killed before its post-receive hook ran. */
async function appliedNow(repo: string, updates: readonly PushedRef[]): Promise<PushedRef[]> {
  const refs = openRefs(repo);
  try {
    const applied: PushedRef[] = [];
    for (const update of updates) {
      const current = (await refs.read(update.ref)) ?? ZERO_OID;
      if (current === update.new) applied.push(update);
    }
    return applied;
  } finally {
    refs.close();
  }
}

function endOf(child: ChildProcess) {
  return new Promise<{ exitCode: number | null; signal: string | null }>((resolve) => {
    child.once('error', () => resolve({ exitCode: null, signal: null }));
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

function environment({ gate, actor }: ReceivePack): Record<string, string> {
  const who = { GIT_COMMITTER_NAME: actor, GIT_COMMITTER_EMAIL: actor };
  return gate ? { ...who, WAYMARK_GATE: '3' } : who;
}
