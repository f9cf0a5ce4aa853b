import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { environmentOf } from '../config.ts';
import { Failure } from '../errors.ts';
import { type Bundle, bundleDescription, usesZod } from './bundle.ts';
import type { PluginSource } from './source.ts';

/** What a plugin's code says of itself; any of it may be missing. */
export interface Description {
  id?: string;
  displayName?: string;
  category?: string;
  capabilities: readonly string[];
  hooks?: readonly string[];
  configSchema?: object;
  apiRoutes: readonly { method: string; path: string; rateTier?: string }[];
  tools?: readonly object[];
  integrationTypes?: readonly object[];
}

const LIMIT_MS = 30_000;

/**
 * Runs the author's modules once, in a process of its own: what they print and how they end is
 * theirs.
 *
 * @throws {Failure} with what the modules said, where they do not load
 */
export async function describePlugin(source: PluginSource, bundle: Bundle): Promise<Description> {
  const { script } = await bundleDescription(source, usesZod(bundle));
  const child = spawn(process.execPath, ['--input-type=module', '-'], {
    cwd: source.dir,
    // What is packed depends on no setting, and dependencies are not given a key of the author's.
    env: environmentOf({}),
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  // A module that ends its process closes the pipe that it is read from.
  child.stdin?.on('error', () => {});
  child.stdin?.end(script);
  const [said, written] = await Promise.all([
    text(child.stderr!),
    text(child.stdio[3] as Readable),
  ]);
  if (written === '') throw new Failure(`the plugin does not load:\n${faultIn(said)}`);
  return JSON.parse(written) as Description;
}

/** Of what Node prints, the error without the generated text around it. */
function faultIn(said: string): string {
  const lines = said.split('\n');
  const first = lines.findIndex((line) => /^\w*(?:Error|Exception)\b.*: /.test(line));
  return lines[first] ?? (said.trim() || 'it ended without a word');
}
