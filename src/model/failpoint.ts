/**
 * Every step boundary at which a crash must lose nothing. The fault suite reads
 * this list and fails for a name that it never hit.
 */
export const FAILPOINTS = [
  'publish.objects-written',
  'publish.intent-written',
  'publish.ref-updated',
  'publish.projected',
  'push.gate-passed',
  'push.accepted',
  'push.received',
  'activate.artifacts-written',
  'activate.before-swap',
  'activate.swapped',
  'mirror.fetched',
  'mirror.checked',
  'mirror.promoted',
  'events.written',
  'outbox.written',
  'outbox.sent',
  'seal.started',
  'seal.body-written',
  'seal.before-rename',
  'seal.renamed',
  'seal.recorded',
  'sync.staged',
  'sync.swapping',
  'sync.swapped',
  'sync.locked',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

/** What happens at an armed point. `kill` is SIGKILL to this process: no handler runs. */
export type FailAction = 'kill' | 'error' | `delay:${number}`;

const armed = new Map<Failpoint, FailAction>();

/**
 * Arms points from `name=action,name=action`, as `WAYMARK_FAILPOINTS` gives them.
 *
 * @throws {RangeError} for an unknown name or action, so that a misspelt test cannot pass
 */
export function armFailpoints(setting: string): void {
  armed.clear();
  for (const pair of setting.split(',').filter(Boolean)) {
    const [name, action] = pair.split('=') as [Failpoint, FailAction];
    if (!FAILPOINTS.includes(name)) throw new RangeError(`no failpoint is named ${name}`);
    if (!/^(kill|error|delay:\d+)$/.test(action ?? '')) {
      throw new RangeError(`failpoint ${name}: unknown action ${action}`);
    }
    armed.set(name, action);
  }
}

/** Free when nothing is armed: one look at a map's size. */
export async function failpoint(name: Failpoint): Promise<void> {
  if (armed.size === 0) return;
  const action = armed.get(name);
  if (action === undefined) return;
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (action === 'error') throw new Error(`failpoint ${name}`);
  const ms = Number(action.slice('delay:'.length));
  await new Promise((resolve) => setTimeout(resolve, ms));
}
