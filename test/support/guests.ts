import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startInProcess } from '../../src/plugin-host/runtime/in-process.ts';
import { createProcesses, type ProcessOptions } from '../../src/plugin-host/runtime/process.ts';
import type {
  PluginRuntime,
  RuntimeHost,
  StartRuntime,
} from '../../src/plugin-host/runtime/runtime.ts';
import { createSandboxes, type SandboxOptions } from '../../src/plugin-host/runtime/sandbox.ts';
import { LIMITS, type PluginLimits } from '../../src/registry/server-manifest/limits.ts';

/** Long enough for what ends by itself on the busiest machine. */
export const PATIENT = { deadlineMs: 30_000 };
/** For what never ends by itself. */
export const IMPATIENT = { deadlineMs: 300 };

export interface GuestOptions {
  host?: RuntimeHost['callback'];
  limits?: Partial<PluginLimits>;
  graceMs?: number;
}

/** Answers each callback with what it was. */
const echo: RuntimeHost['callback'] = async (name, params) => ({ name, params });

const code = (script: string) => ({
  id: 'example',
  version: '1.0.0',
  digest: 'f'.repeat(64),
  script: Buffer.from(script),
});

/** How a method table, as JavaScript, becomes a guest. */
export type StartGuest = (methods: string, options?: GuestOptions) => Promise<PluginRuntime>;

export async function startScript(
  start: StartRuntime,
  script: string,
  { host = echo, limits }: GuestOptions = {},
  dir?: string,
): Promise<PluginRuntime> {
  const options = { limits: { ...LIMITS, ...limits }, host: { callback: host } };
  const guest = await start({ ...code(script), ...(dir && { dir }) }, options);
  onTestFinished(() => guest.close());
  return guest;
}

/** By the grace that they were made with: what guests share is compiled once for each. */
const sandboxes = new Map<number | undefined, StartRuntime>();

function sandboxWith(options: SandboxOptions): StartRuntime {
  const start = sandboxes.get(options.graceMs) ?? createSandboxes(options).start;
  sandboxes.set(options.graceMs, start);
  return start;
}

/** As a plugin's script has it: `export default <methods>`. */
export const inSandbox: StartGuest = (methods, options = {}) =>
  startScript(sandboxWith(graceOf(options)), `export default ${methods};`, options);

export async function inOwnProcess(
  methods: string,
  options: GuestOptions & ProcessOptions = {},
): Promise<PluginRuntime> {
  const dir = await mkdtemp(join(tmpdir(), 'waymark-guest-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const { start } = createProcesses({ ...options, ...graceOf(options) });
  return startScript(start, `export default ${methods};`, options, dir);
}

export const inThisProcess: StartGuest = async (methods, { host = echo, ...options } = {}) => {
  // oxlint-disable-next-line typescript/no-implied-eval -- the same text runs in every engine
  const table = new Function('waymark', `return ${methods};`) as Parameters<
    typeof startInProcess
  >[0];
  const guest = startInProcess(table, { host: { callback: host }, ...graceOf(options) });
  onTestFinished(() => guest.close());
  return guest;
};

const graceOf = ({ graceMs }: GuestOptions) => (graceMs === undefined ? {} : { graceMs });
