import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { environmentOf } from '../config.ts';
import { EXIT, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { bundleTest } from './bundle.ts';
import { manifestOf } from './dev-command.ts';
import { formatLogLine } from './dev-log.ts';
import { type DevServer, startDevServer } from './dev-server.ts';
import { DEV_NAMESPACE, enablePlugin, readDevSettings } from './dev-setup.ts';
import { linkPackage } from './link-package.ts';
import { findPlugin } from './management.ts';
import { packPlugin } from './pack.ts';

export function testCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('test')
    .summary("run a plugin's tests against it, packed, in a real server")
    .argument('[dir]', "the plugin's folder", '.')
    .action(async (dir: string) => {
      const { stdout, stderr } = cli.world;
      const code = await test(resolve(cli.world.cwd, dir), {
        out: (text) => void stdout.write(text),
        log: (line) => void stderr.write(`${line}\n`),
      });
      cli.exitWith(code);
    });
  describe(command, {
    isLocal: true,
    description: `
      Packs the plugin, starts a server as \`waymark plugin dev\` does, and runs test/**/*.test.ts
      by Node's own test runner. There \`waymark/plugin/testing\` reaches the plugin over HTTP, as
      its users will: through authentication, permissions and the sandbox.`,
    examples: [['waymark plugin test', 'the plugin in this folder']],
    files: [['dev.json', 'configuration to test it with']],
  });
}

interface Said {
  out: (text: string) => void;
  log: (line: string) => void;
}

async function test(dir: string, { out, log }: Said): Promise<number> {
  const paths = globSync('test/**/*.test.{ts,js,mjs}', { cwd: dir }).sort();
  if (paths.length === 0) throw new UsageError(`${dir} has no test/**/*.test.ts`);
  const packed = await packPlugin(dir);
  await linkPackage(dir);
  const built = await mkdtemp(join(tmpdir(), 'waymark-tests-'));
  const server = await startDevServer(packed, {
    port: '0',
    onLine(line) {
      const said = formatLogLine(line, packed.id);
      if (said !== undefined) log(said);
    },
  });
  try {
    await enablePlugin(server, manifestOf(packed), readDevSettings(dir));
    await findPlugin(server, packed.id);
    const files = await bundleAll(dir, paths, built, testServer(server, packed.id));
    return await runTests(dir, files, out);
  } finally {
    await server.stop();
    await rm(built, { recursive: true, force: true });
  }
}

const testServer = ({ url, org, token, managementKey }: DevServer, pluginId: string) => ({
  url,
  org,
  token,
  managementKey,
  pluginId,
  namespace: DEV_NAMESPACE,
});

async function bundleAll(
  dir: string,
  paths: readonly string[],
  built: string,
  server: object,
): Promise<string[]> {
  const files: string[] = [];
  for (const [i, path] of paths.entries()) {
    const file = join(built, `${i}.test.mjs`);
    await writeFile(file, (await bundleTest(dir, path, server)).script);
    files.push(file);
  }
  return files;
}

async function runTests(dir: string, files: readonly string[], out: Said['out']): Promise<number> {
  const args = ['--enable-source-maps', '--test', '--test-reporter=spec', ...files];
  const child = spawn(process.execPath, args, {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environmentOf({}),
  });
  child.stdout.on('data', (chunk: Buffer) => out(chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? EXIT.done : EXIT.failed;
}
