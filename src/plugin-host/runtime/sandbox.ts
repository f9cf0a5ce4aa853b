import { readdir, readFile } from 'node:fs/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { WaymarkError } from '../../model/errors.ts';
import { HARD_KILL_MS, type PluginLimits } from '../../registry/server-manifest/limits.ts';
import { Conversation, toWire } from './conversation.ts';
import { Loading } from './loading.ts';
import type {
  PluginCode,
  PluginRuntime,
  RuntimeEnd,
  RuntimeHost,
  StartRuntime,
} from './runtime.ts';

/** What the thread is started with. */
export interface SandboxOrder {
  module: WebAssembly.Module;
  limits: PluginLimits;
  code: { modules: Readonly<Record<string, string>>; script: string };
  /** Running call, memory in bytes, and what `sync-calls` waits at. */
  state: SharedArrayBuffer;
  syncPort: MessagePort;
}

/** What the thread itself says. What the guest says comes as text. */
export type SandboxReport =
  | { kind: 'booted' | 'loaded' }
  | { kind: 'failed'; message: string }
  | { kind: 'refused'; call: number; reason: string }
  | { kind: 'ended'; cause: 'timeout' | 'memory' | 'crash'; message: string; call: number };

export interface SandboxOptions {
  graceMs?: number;
  /** What scripts may import, by specifier: `waymark/plugin`. */
  imports?: Readonly<Record<string, string>>;
}

/** Starts guests, each in a thread of its own. What they share is read and compiled once. */
export function createSandboxes({ graceMs = HARD_KILL_MS, imports = {} }: SandboxOptions = {}): {
  start: StartRuntime;
} {
  let shared: Promise<Shared> | undefined;
  return {
    async start(code, { limits, host }) {
      checkSize(code, limits);
      shared ??= readShared(imports);
      const { module, modules } = await shared;
      const script = code.script.toString();
      return new Sandbox({ module, limits, code: { modules, script } }, host, graceMs).loading
        .outcome;
    },
  };
}

interface Shared {
  module: WebAssembly.Module;
  modules: Readonly<Record<string, string>>;
}

async function readShared(imports: Readonly<Record<string, string>>): Promise<Shared> {
  const wasm = new URL(import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm'));
  const module = await WebAssembly.compile(await readFile(wasm));
  const guest = new URL('guest/', import.meta.url);
  const names = (await readdir(guest)).filter((name) => name.endsWith('.js'));
  const modules = await Promise.all(
    names.map(
      async (name) => [`waymark:${name}`, await readFile(new URL(name, guest), 'utf8')] as const,
    ),
  );
  return { module, modules: { ...imports, ...Object.fromEntries(modules) } };
}

function checkSize({ script }: PluginCode, { scriptBytes }: PluginLimits): void {
  if (script.length <= scriptBytes) return;
  throw new WaymarkError('PLG_FAILED', `the script is larger than ${scriptBytes} bytes`);
}

/** One guest, its thread and the conversation with it. */
class Sandbox implements PluginRuntime {
  readonly loading: Loading;
  readonly ended: Promise<RuntimeEnd>;
  readonly #conversation: Conversation;
  readonly #worker: Worker;
  readonly #state = new Int32Array(new SharedArrayBuffer(12));

  constructor(order: Omit<SandboxOrder, 'state' | 'syncPort'>, host: RuntimeHost, graceMs: number) {
    const { port1: syncPort, port2: workerPort } = new MessageChannel();
    this.#worker = startWorker({ ...order, state: this.#state.buffer, syncPort: workerPort });
    this.#conversation = new Conversation({ line: this.#line(), host, graceMs });
    this.ended = this.#conversation.ended;
    this.loading = new Loading(order.limits, graceMs, (message) =>
      this.#conversation.end({ cause: 'timeout', message }),
    );
    this.#listen();
    serveSyncCalls(syncPort, this.#state, host);
    void this.ended.then(({ message }) => {
      syncPort.close();
      this.loading.ended(message);
    });
  }

  call: PluginRuntime['call'] = (...asked) => this.#conversation.call(...asked);

  memoryBytes(): number {
    return Atomics.load(this.#state, 1);
  }

  close(): void {
    this.#conversation.end({ cause: 'closed', message: 'it was closed' }, 0);
  }

  #line() {
    return {
      post: (text: string) => this.#worker.postMessage(text),
      // Not awaited: a thread in a native loop takes its time.
      cut: () => void this.#worker.terminate(),
      busyWith: () => Atomics.load(this.#state, 0),
    };
  }

  #listen(): void {
    this.#worker.on('message', (said: string | SandboxReport) => {
      if (typeof said === 'string') this.#conversation.receive(said);
      else this.#heed(said);
    });
    const end = (message: string) => this.#conversation.end({ cause: 'crash', message });
    this.#worker.on('error', ({ message }: Error) => end(`its thread fell over: ${message}`));
    this.#worker.on('exit', () => end('its thread ended'));
  }

  #heed(report: SandboxReport): void {
    const { kind } = report;
    if (kind === 'refused') this.#conversation.refuse(report.call, report.reason);
    else if (kind === 'ended') this.#conversation.end(report, report.call);
    else if (kind === 'failed') {
      this.#conversation.end({ cause: 'crash', message: report.message });
    } else if (kind === 'booted') this.loading.booted();
    else {
      this.#worker.unref();
      this.loading.loaded(this);
    }
  }
}

function startWorker(order: SandboxOrder): Worker {
  const worker = new Worker(new URL('sandbox-worker.js', import.meta.url), {
    workerData: order,
    transferList: [order.syncPort],
    env: {},
    execArgv: [],
    name: 'sandbox',
    // For the thread's own objects. A guest's memory is not among them.
    resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64, stackSizeMb: 16 },
  });
  return worker;
}

/** Answers `host.crypto.hmac` with a secret, for which the guest's thread stands still. */
function serveSyncCalls(port: MessagePort, state: Int32Array, host: RuntimeHost): void {
  port.on('message', (text: string) => {
    const params = JSON.parse(text) as Record<string, unknown>;
    void answerSync(host, params).then((answer) => {
      port.postMessage(JSON.stringify(answer));
      Atomics.store(state, 2, 1);
      Atomics.notify(state, 2);
    });
  });
  port.unref();
}

async function answerSync(host: RuntimeHost, params: Record<string, unknown>): Promise<object> {
  try {
    return { ok: true, result: await host.callback('host.crypto.hmac', params) };
  } catch (error) {
    return { ok: false, error: toWire(error) };
  }
}
