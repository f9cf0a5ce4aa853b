import { WaymarkError } from '../../src/model/errors.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { createCallRecords } from '../../src/plugin-host/callbacks/call-records.ts';
import type { Part } from '../../src/plugin-host/part.ts';
import { Places } from '../../src/plugin-host/places.ts';
import { bareBinding, type Question } from '../../src/plugin-host/question.ts';
import type { PluginRuntime, RuntimeEnd } from '../../src/plugin-host/runtime/runtime.ts';
import { Slot, type SlotDeps, type SlotTerms } from '../../src/plugin-host/slot.ts';
import type { After } from '../../src/plugin-host/timers.ts';
import type { PluginManifest } from '../../src/registry/server-manifest/manifest.ts';
import { parseManifest } from '../../src/registry/server-manifest/parse-manifest.ts';
import { plainManifest } from './plugins.ts';

type Method = (params: Record<string, unknown>, signal?: AbortSignal) => unknown;

/** A version of a server part, and every guest of it that was started. */
export interface TestPart extends Part {
  guests: TestGuest[];
}

export interface TestGuest {
  /** Names of what was asked of it, in order. */
  asked: string[];
  end(cause: RuntimeEnd['cause']): void;
  hasEnded: boolean;
}

/** One whose methods are functions of the test; it does not watch deadlines. */
export function makePart(
  methods: Readonly<Record<string, Method>> = {},
  { manifest = {}, ...part }: Partial<Omit<Part, 'manifest'>> & { manifest?: object } = {},
): TestPart {
  const guests: TestGuest[] = [];
  const version = part.version ?? '1.0.0';
  const digest = part.digest ?? `digest of ${version}`;
  const id = part.id ?? 'example';
  return {
    id,
    version,
    digest,
    guests,
    source: 'host',
    signature: 'signed',
    trust: 'trusted',
    hasNetwork: true,
    fault: null,
    manifest: manifestOf({ ...plainManifest(id), ...manifest }),
    code: { id, version, digest, script: Buffer.alloc(0) },
    async start() {
      const { guest, runtime } = makeGuest(methods);
      guests.push(guest);
      return runtime;
    },
    ...part,
  };
}

function manifestOf(written: object): PluginManifest {
  const parsed = parseManifest(JSON.stringify(written), { source: 'host', hostVersion: '1.0.0' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

function makeGuest(methods: Readonly<Record<string, Method>>) {
  const { promise: ended, resolve } = Promise.withResolvers<RuntimeEnd>();
  const running = new Set<(error: Error) => void>();
  const guest: TestGuest = {
    asked: [],
    hasEnded: false,
    end(cause) {
      if (guest.hasEnded) return;
      guest.hasEnded = true;
      for (const reject of running) reject(new WaymarkError('PLG_RESTARTED', 'it is gone'));
      resolve({ cause, message: `ended: ${cause}` });
    },
  };
  const runtime: PluginRuntime = {
    async call(method, params, { signal }) {
      guest.asked.push(method);
      const { promise: lost, reject } = Promise.withResolvers<never>();
      running.add(reject);
      if (guest.hasEnded) reject(new WaymarkError('PLG_RESTARTED', 'it is gone'));
      try {
        return await Promise.race([lost, answer(method, params, signal)]);
      } finally {
        running.delete(reject);
      }
    },
    memoryBytes: () => 1024,
    ended,
    close: () => guest.end('closed'),
  };
  async function answer(method: string, params: object, signal?: AbortSignal): Promise<unknown> {
    const run = methods[method];
    if (!run) throw new WaymarkError('PLG_METHOD_UNSUPPORTED', `there is no ${method}`);
    return await run({ ...params }, signal);
  }
  return { guest, runtime };
}

/** Timers that go off when the test says that so much time has gone by. */
export function manualTime() {
  const waiting = new Map<number, { atMs: number; run: () => void }>();
  const time = { now: Date.parse('2026-03-01T12:00:00Z') };
  let last = 0;
  const after: After = (delayMs, run) => {
    const id = ++last;
    waiting.set(id, { atMs: time.now + delayMs, run });
    return () => void waiting.delete(id);
  };
  const advance = (ms: number) => {
    time.now += ms;
    for (const [id, { atMs, run }] of Array.from(waiting)) {
      if (atMs > time.now || !waiting.delete(id)) continue;
      run();
    }
  };
  return { clock: () => time.now, after, advance };
}

export const enabled: SlotTerms = {
  isEnabled: true,
  priority: 0,
  grants: [],
  bindings: [bareBinding('example')],
};

/** A slot of the org `acme`, with its own time. */
export function openSlot(part: Part, terms: Partial<SlotTerms> = {}, more: Partial<SlotDeps> = {}) {
  const time = manualTime();
  const warned: unknown[] = [];
  const log = { info() {}, warn: (facts: unknown) => void warned.push(facts), error() {} };
  const deps: SlotDeps = {
    records: createCallRecords(),
    callbacks: async () => ({}),
    configFor: async ({ binding }) => binding.config,
    unconfined: new Set(),
    after: time.after,
    clock: time.clock,
    log,
    places: new Places(),
    checkBinding: async () => [],
    ...more,
  };
  const said = { ...enabled, ...terms };
  return { slot: new Slot('acme', part, said, deps), deps, warned, terms: said, ...time };
}

export const query = (more: Partial<Question> = {}): Question => ({
  method: 'agent.query',
  params: {},
  binding: bareBinding('example'),
  requestId: 'request-1',
  ...more,
});

/** The example's binding with such a configuration. */
export const configured = (config: Binding['config'], part: Partial<Binding> = {}): Binding => ({
  ...bareBinding('example'),
  config,
  configDigest: JSON.stringify(config),
  ...part,
});
