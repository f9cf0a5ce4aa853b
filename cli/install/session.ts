import type { RootDocument } from '../../src/signing/root.ts';
import { createDelivery, type Delivery } from '../delivery.ts';
import type { Output } from '../output.ts';
import { checkIndex } from '../trust/index-check.ts';
import { type Index, parseIndex } from '../trust/index-document.ts';
import { advanceRoot, readRoot, type TrustedRoot } from '../trust/root.ts';
import { checkSignature } from '../trust/signature.ts';
import { type ClientState, readState, seenOf } from './client-state.ts';
import { type Enrolment, readEnrolment } from './enrolment.ts';
import { type Lock, readLock } from './lock.ts';
import type { Project } from './project.ts';

/** One run in an enrolled project: what it started from. */
export interface Session {
  project: Project;
  enrolment: Enrolment;
  state: ClientState;
  lock: Lock | undefined;
  delivery: Delivery;
  output: Output;
  /** Expiry is judged by this one moment: a slow server cannot stretch it. */
  startedAtMs: number;
}

export async function openSession(
  project: Project,
  output: Output,
  startedAtMs: number,
): Promise<Session> {
  const enrolment = await readEnrolment(project);
  const { url, org, token } = enrolment;
  const state = await readState(project);
  const delivery = createDelivery({ url, token }, org);
  return {
    project,
    enrolment,
    state,
    lock: await readLock(project),
    delivery,
    output,
    startedAtMs,
  };
}

/** What this client believes in this run. */
export interface Trust {
  trusted: TrustedRoot;
  root: RootDocument;
  index: Index;
}

/** Root chain, then the index under it: nothing else is looked at before. */
export async function refreshTrust(session: Session): Promise<Trust> {
  const { delivery, enrolment, state, startedAtMs } = session;
  const { channel } = enrolment;
  const trusted = await advanceRoot(delivery, state.root, startedAtMs);
  const root = readRoot(trusted);

  const document = await delivery.index(channel);
  await checkSignature(document, root, 'index', 'index');
  const index = parseIndex(document.body);
  await checkIndex(index, { root, channel, seen: seenOf(state, channel), startedAtMs });

  return { trusted, root, index };
}
