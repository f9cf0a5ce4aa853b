import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';

/** One line of a push, in git's own words: a zero `old` creates, a zero `new` deletes. */
export interface PushedRef {
  ref: string;
  old: string;
  new: string;
}

export interface Push {
  /** Who pushes, as the audit log names them. */
  actor: string;
  updates: readonly PushedRef[];
  /** Where the pushed objects are until the push is accepted: {@link quarantineEnv}. */
  quarantine: { objectDirectory: string; alternates: string };
}

export interface PushGate {
  /** `messages` reach the author under `git push`, whatever the verdict. */
  check(push: Push): Promise<{ accept: boolean; messages: readonly string[] }>;
  /**
   * The refs that git really moved; none when it failed after an accept. The
   * author's push does not end before this does, or before 15 s.
   */
  received(push: Push, applied: readonly PushedRef[]): Promise<void>;
}

/** For `openObjectPool`: sees the pushed objects and the repository's own. */
export function quarantineEnv({ quarantine }: Push): Record<string, string> {
  return {
    GIT_OBJECT_DIRECTORY: quarantine.objectDirectory,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: quarantine.alternates,
    GIT_QUARANTINE_PATH: quarantine.objectDirectory,
  };
}

/** What was said over a push's socket, once it has closed. */
export interface Conversation {
  /** Undefined when the pack was refused before the hook ran. */
  push?: Push;
  isAccepted: boolean;
  applied: PushedRef[];
  /** What the gate threw; the push was refused. */
  failure?: unknown;
}

/**
 * Answers the hooks of one push (the protocol is in `hook.ts`).
 *
 * @param onAccept called before the hook hears of it
 */
export async function converse(
  socket: Duplex,
  { gate, actor, onAccept }: { gate: PushGate; actor: string; onAccept: () => void },
): Promise<Conversation> {
  const conversation: Conversation = { isAccepted: false, applied: [] };
  const updates: PushedRef[] = [];
  const quarantine = { objectDirectory: '', alternates: '' };
  socket.on('error', () => {}); // a killed child; the end of the lines tells the same
  for await (const line of createInterface({ input: socket })) {
    const [word, rest] = splitOnce(line);
    if (word === 'objects') quarantine.objectDirectory = rest;
    else if (word === 'alternates') quarantine.alternates = rest;
    else if (word === 'update') updates.push(parseRef(rest));
    else if (word === 'applied') conversation.applied.push(parseRef(rest));
    else if (word === 'end') {
      conversation.push = { actor, updates, quarantine };
      await answer(socket, conversation.push, { gate, onAccept, conversation });
    }
  }
  return conversation;
}

async function answer(
  socket: Duplex,
  push: Push,
  {
    gate,
    onAccept,
    conversation,
  }: { gate: PushGate; onAccept: () => void; conversation: Conversation },
): Promise<void> {
  const verdict = await decide(gate, push, conversation);
  const lines = verdict.messages.flatMap((message) => message.split('\n'));
  const said = lines.map((line) => `say ${printable(line)}\n`).join('');
  conversation.isAccepted = verdict.accept;
  if (verdict.accept) onAccept();
  socket.write(`${said}${verdict.accept ? 'accept' : 'refuse'}\n`);
  if (!verdict.accept) return;
  await failpoint('push.accepted').catch((error: unknown) => {
    conversation.failure = error;
  });
}

async function decide(gate: PushGate, push: Push, conversation: Conversation) {
  try {
    const verdict = await gate.check(push);
    if (verdict.accept) await failpoint('push.gate-passed');
    return verdict;
  } catch (error) {
    conversation.failure = error;
    const why = error instanceof WaymarkError ? error.message : 'Waymark failed to check this push';
    return { accept: false, messages: [why] };
  }
}

/** A file's name in a diagnostic must not steer the author's terminal. */
const printable = (line: string) => line.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\uFFFD');

function splitOnce(line: string): [string, string] {
  const space = line.indexOf(' ');
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
}

function parseRef(line: string): PushedRef {
  const [old, rest] = splitOnce(line);
  const [next, ref] = splitOnce(rest);
  return { ref, old, new: next };
}
