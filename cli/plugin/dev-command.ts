import { once } from 'node:events';
import { readFileSync, watch } from 'node:fs';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { Failure, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import type { Output } from '../output.ts';
import { formatLogLine } from './dev-log.ts';
import { type DevServer, startDevServer } from './dev-server.ts';
import { enablePlugin, readDevSettings } from './dev-setup.ts';
import { linkPackage } from './link-package.ts';
import { callManagement, findPlugin } from './management.ts';
import { type PackedPlugin, packPlugin } from './pack.ts';

interface DevFlags {
  port: string;
  event?: string;
}

export function devCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('dev')
    .summary('run a plugin in a server of its own, and again on each save')
    .argument('[dir]', "the plugin's folder", '.')
    .option('--port <port>', 'of the server; 0 picks a free one', '0')
    .option('--event <file>', 'give its hooks this event, {"type", "data"} as JSON, on each save')
    .action(async (dir: string, flags: DevFlags) => {
      const output = cli.output(command);
      const { cwd } = cli.world;
      const { port, event } = flags;
      const path = event === undefined ? undefined : resolve(cwd, event);
      if (path !== undefined) readEvent(path);
      await dev(resolve(cwd, dir), { port, eventPath: path }, output);
    });
  describe(command, {
    isLocal: true,
    description: `
      Starts a real server on a data directory that goes when it stops, with the example
      organisation, and enables the plugin there with all that it asks for. Prints its addresses
      and keys, and what the plugin logs. Each save packs the plugin anew and swaps it; a version
      that does not load leaves the one before running. Ctrl-C stops it.

      The package is signed by a key that is made for this run, so that the plugin may use the
      network; addresses of this machine are allowed.`,
    examples: [
      ['waymark plugin dev', 'the plugin in this folder'],
      ['waymark plugin dev --event approval.json', 'and try its hooks'],
    ],
    files: [['dev.json', 'configuration to try it with: {"config": {…}, "integrations": {…}}']],
  });
}

async function dev(
  dir: string,
  { port, eventPath }: { port: string; eventPath: string | undefined },
  output: Output,
): Promise<void> {
  let packed = await packPlugin(dir);
  await linkPackage(dir);
  const server = await startDevServer(packed, {
    port,
    onLine(line) {
      const said = formatLogLine(line, packed.id);
      if (said !== undefined) output.say(said);
    },
  });
  const stopped = stopSignal();
  try {
    let settings = readDevSettings(dir);
    await enablePlugin(server, manifestOf(packed), settings);
    await findPlugin(server, packed.id);
    const tryHooks = async () =>
      eventPath && giveEvent(server, packed.id, readEvent(eventPath), output);
    const reload = async () => {
      packed = await packPlugin(dir);
      const wanted = readDevSettings(dir);
      // First: the new code may refuse what the old one was configured with.
      if (!isDeepStrictEqual(wanted, settings)) {
        await enablePlugin(server, manifestOf(packed), wanted);
        settings = wanted;
      }
      await server.put(packed);
      await callManagement(server, { method: 'POST', path: `/plugins/${packed.id}/reload` });
      const { version } = await findPlugin(server, packed.id);
      output.say(`reloaded ${packed.id} ${version}`);
      await tryHooks();
    };
    // Before anybody is told to save something.
    const changes = watchFolder(dir, reload, output);
    greet(output, server, packed);
    await tryHooks();
    const ended = await Promise.race([stopped, server.ended]);
    changes.close();
    if (ended !== undefined) throw new Failure(`the server ended with ${ended}`);
  } finally {
    await server.stop();
  }
}

export const manifestOf = ({ files }: PackedPlugin) =>
  JSON.parse(String(files.get('plugin.json'))) as { id: string; configSchema?: object };

function greet(
  output: Output,
  { url, org, token, managementKey }: DevServer,
  { id }: PackedPlugin,
) {
  const value = { url, org, token, managementKey, plugin: id };
  output.result(value, [
    `${id} runs on ${url}`,
    `  API routes   ${url}/api/v1/plugin/${id}/…  with Authorization: Bearer ${token}`,
    `  management   ${url}/v0/management/plugins/${id}/…  with X-Management-Key: ${managementKey}`,
    `  pages        ${url}/v0/resource/plugins/${id}/…`,
    `  org          ${org}`,
    'waiting for changes; Ctrl-C stops',
  ]);
}

/** Undefined at the first signal to stop. */
const stopSignal = (): Promise<undefined> =>
  Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => undefined);

/** Runs `act` after each save, one at a time; a fault is said and waits for the next save. */
function watchFolder(dir: string, act: () => Promise<void>, output: Output) {
  let isBusy = false;
  let isStale = false;
  async function run(): Promise<void> {
    isStale = true;
    if (isBusy) return;
    isBusy = true;
    while (isStale) {
      isStale = false;
      await act().catch((error: Error) => output.warn(error.message));
    }
    isBusy = false;
  }
  // An editor writes a file in several steps, and several files at once.
  let timer: NodeJS.Timeout | undefined;
  return watch(dir, { recursive: true }, (_, path) => {
    if (path === null || /(?:^|[\\/])(?:node_modules|\.git)(?:[\\/]|$)|\.tar\.gz$/.test(path))
      return;
    clearTimeout(timer);
    timer = setTimeout(() => void run(), 50);
  });
}

interface DevEvent {
  type: string;
  data: object;
}

function readEvent(path: string): DevEvent {
  try {
    const { type, data = {} } = JSON.parse(readFileSync(path, 'utf8')) as Partial<DevEvent>;
    if (typeof type === 'string') return { type, data };
  } catch (cause) {
    throw new UsageError(`${path}: ${(cause as Error).message}`, { cause });
  }
  throw new UsageError(`${path} has no type, such as "approval.created"`);
}

interface Outcome {
  binding: string;
  ok: boolean;
  durationMs: number;
  error?: { message: string };
}

async function giveEvent(
  server: DevServer,
  id: string,
  body: DevEvent,
  output: Output,
): Promise<void> {
  const path = `/plugins/${id}/events`;
  const { outcomes } = await callManagement<{ outcomes: Outcome[] }>(server, {
    method: 'POST',
    path,
    body,
  });
  if (outcomes.length === 0) output.warn(`${id} does not hear ${body.type}`);
  for (const { binding, ok, durationMs, error } of outcomes) {
    output.say(`${body.type} → ${binding}: ${ok ? 'done' : error?.message} in ${durationMs} ms`);
  }
}
