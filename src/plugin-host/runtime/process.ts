import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HARD_KILL_MS, type PluginLimits } from '../../registry/server-manifest/limits.ts';
import { Conversation } from './conversation.ts';
import { BOOTED, createFrameReader, FAILED, frame, LOADED } from './frames.js';
import { isTooDeep } from './json-depth.js';
import { Loading } from './loading.ts';
import type {
  PluginCode,
  PluginRuntime,
  RuntimeEnd,
  RuntimeHost,
  StartRuntime,
} from './runtime.ts';

export interface ProcessOptions {
  graceMs?: number;
  /** Of resident memory. */
  limitMb?: number;
  /** How often resident memory is looked at, also between calls: a process runs on by itself. */
  pollMs?: number;
}

const RUNTIME_DIR = fileURLToPath(new URL('.', import.meta.url));

/** Starts trusted guests, each a process that may read its own folder and little else. */
export function createProcesses({
  graceMs = HARD_KILL_MS,
  limitMb = 256,
  pollMs = 100,
}: ProcessOptions = {}): { start: StartRuntime } {
  return {
    async start(code, { limits, host }) {
      return new GuestProcess(code, limits, host, { graceMs, limitMb, pollMs }).loading.outcome;
    },
  };
}

/** One guest and its process. */
class GuestProcess implements PluginRuntime {
  readonly loading: Loading;
  readonly ended: Promise<RuntimeEnd>;
  readonly #child: ChildProcess;
  readonly #conversation: Conversation;
  readonly #watchdog: NodeJS.Timeout;
  readonly #limitMb: number;
  #residentBytes = 0;
  #pending = 0;

  constructor(
    code: PluginCode,
    limits: PluginLimits,
    host: RuntimeHost,
    { graceMs, limitMb, pollMs }: Required<ProcessOptions>,
  ) {
    this.#limitMb = limitMb;
    this.#child = startChild(code);
    this.#conversation = new Conversation({ line: this.#line(), host, graceMs });
    this.ended = this.#conversation.ended;
    this.loading = new Loading(limits, graceMs, (message) =>
      this.#conversation.end({ cause: 'timeout', message }),
    );
    this.#watchdog = setInterval(() => void this.#watch(), pollMs);
    this.#watchdog.unref();
    this.#listen(limits);
    this.#say(order(code, limits));
    void this.ended.then(({ message }) => {
      clearInterval(this.#watchdog);
      this.loading.ended(message);
    });
  }

  async call(...asked: Parameters<PluginRuntime['call']>): Promise<unknown> {
    this.#pending += 1;
    try {
      return await this.#conversation.call(...asked);
    } finally {
      this.#pending -= 1;
    }
  }

  memoryBytes(): number {
    return this.#residentBytes;
  }

  close(): void {
    this.#conversation.end({ cause: 'closed', message: 'it was closed' }, 0);
  }

  #line() {
    return {
      post: (text: string) => this.#say(text),
      cut: () => void this.#child.kill('SIGKILL'),
    };
  }

  #say(text: string): void {
    (this.#child.stdio[3] as Socket).write(frame(text));
  }

  #listen({ answerBytes }: PluginLimits): void {
    const input = this.#child.stdio[3] as Socket;
    const output = this.#child.stdio[4] as Socket;
    const bad = (message: string) => this.#conversation.end({ cause: 'bad-answer', message });
    const read = (text: string) => {
      if (isTooDeep(text)) bad('a message is refused: it is too deep');
      else this.#hear(text);
    };
    const tooLong = () => bad(`a message is refused: it is larger than ${answerBytes} bytes`);
    output.on('data', createFrameReader({ limitBytes: answerBytes, read, tooLong }));
    // It may go while it is written to: `exit` says so.
    for (const socket of [input, output]) socket.on('error', () => {});
    this.#child.on('error', ({ message }) => this.#gone(`it does not start: ${message}`));
    this.#child.on('exit', (code, signal) => this.#gone(`it exited with ${signal ?? code}`));
  }

  #hear = (text: string): void => {
    if (text === BOOTED) this.loading.booted();
    else if (text === LOADED) {
      this.#hear = (said) => this.#conversation.receive(said);
      this.loading.loaded(this);
    } else if (text.startsWith(FAILED)) {
      const message = text.slice(FAILED.length).slice(0, 1000);
      this.#conversation.end({ cause: 'crash', message });
    } else this.#conversation.receive(text);
  };

  /** Which of several calls ended it cannot be known. */
  #gone(message: string): void {
    const guilty = this.#pending > 1 ? 0 : undefined;
    this.#conversation.end({ cause: 'crash', message }, guilty);
  }

  async #watch(): Promise<void> {
    this.#residentBytes = await residentBytes(this.#child.pid);
    if (this.#residentBytes <= this.#limitMb * 1024 * 1024) return;
    this.#conversation.end({ cause: 'memory', message: `it needs more than ${this.#limitMb} MiB` });
  }
}

const order = ({ dir, script }: PluginCode, { answerBytes }: PluginLimits) =>
  JSON.stringify({
    url: pathToFileURL(join(folderOf(dir), 'index.js')).href,
    script: script.toString(),
    answerBytes,
  });

function folderOf(dir: string | undefined): string {
  if (dir === undefined) throw new Error('a process needs a folder');
  return dir;
}

/**
 * So that a guest in a loop, which does not see its pipe end, ends with a server that was killed.
 * Where util-linux is missing, such a guest stays. The pid is Node's own: setpriv execs.
 */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
const BOUND_TO_HOST = setpriv ? [setpriv, '--pdeathsig', 'KILL'] : [];

function startChild({ dir }: PluginCode): ChildProcess {
  const cwd = folderOf(dir);
  const mayRead = [cwd, RUNTIME_DIR].map((path) => `--allow-fs-read=${join(path, '*')}`);
  const guest = join(RUNTIME_DIR, 'process-guest.js');
  const [command, ...args] = [...BOUND_TO_HOST, process.execPath, '--permission'] as const;
  return spawn(command!, [...args, ...mayRead, guest], {
    cwd,
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
}

/** 0 where it cannot be known: `/proc` is Linux's. */
async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
