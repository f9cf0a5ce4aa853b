import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { readPackage } from '../../src/registry/server-manifest/package.ts';
import {
  createPluginKey,
  PLUGIN_SIGNATURE,
  signPlugin,
} from '../../src/signing/plugin-signature.ts';
import type { Cli } from '../cli.ts';
import { Failure, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { archiveOf } from './archive.ts';

export function signCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('sign')
    .summary('sign a packed plugin')
    .argument('<package>', 'an <id>.tar.gz, or the folder that `pack --dir` wrote')
    .requiredOption('--key <file>', 'the private key, which `waymark plugin keygen` made')
    .action(async (path: string, { key }: { key: string }) => {
      const { cwd } = cli.world;
      const privateKey = await readText(resolve(cwd, key));
      const keyId = await sign(resolve(cwd, path), privateKey);
      cli.output(command).result({ path: resolve(cwd, path), keyId }, [`signed by ${keyId}`]);
    });
  describe(command, {
    isLocal: true,
    description: `
      Adds plugin.sig.json: an Ed25519 signature over the files' digests, the id, the version and
      the permissions. A server whose WAYMARK_PLUGIN_KEYS, or a registry whose spec.pluginKeys,
      has the public key trusts the plugin; whatever is changed afterwards does not load.`,
    examples: [['waymark plugin sign example.tar.gz --key author.pem', 'a package']],
  });
}

export function keygenCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('keygen')
    .summary('make a key to sign plugins with')
    .argument('<file>', 'where the private key goes, as PEM; it must not be there yet')
    .action(async (file: string) => {
      const path = resolve(cli.world.cwd, file);
      const { privateKey, publicKey } = createPluginKey();
      await writeFile(path, privateKey, { mode: 0o600, flag: 'wx' }).catch(explainWrite);
      cli.output(command).result({ path, publicKey }, [publicKey]);
    });
  describe(command, {
    isLocal: true,
    description: `
      Prints the public key, for WAYMARK_PLUGIN_KEYS of a server or spec.pluginKeys of a
      registry. Keep the file: who has it makes plugins that those servers trust.`,
    examples: [['waymark plugin keygen author.pem', 'once for each author']],
  });
}

async function sign(path: string, privateKey: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => {
      throw new UsageError(`${path} is not there: \`waymark plugin pack\` makes a package`);
    },
  );
  const files = isFolder ? await readFolder(path) : await readPackage(await readFile(path));
  const signature = signPlugin(files, privateKey);
  if (isFolder) await writeFile(join(path, PLUGIN_SIGNATURE), signature);
  else {
    const signed = new Map([...files, [PLUGIN_SIGNATURE, Buffer.from(signature)]]);
    await writeFile(path, await archiveOf(signed));
  }
  return (JSON.parse(signature) as { keyId: string }).keyId;
}

/** All of it: whoever adds a file later changes what was signed. */
async function readFolder(dir: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) throw new Failure(`${path} is no plain file: a plugin has no others`);
    files.set(relative(dir, path).replaceAll(sep, '/'), await readFile(path));
  }
  if (files.has('plugin.json')) return files;
  throw new UsageError(`${dir} has no plugin.json: \`waymark plugin pack --dir\` writes one`);
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${path} cannot be read`, { cause });
  });
}

function explainWrite(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EEXIST') throw error;
  throw new UsageError(`${error.path} is there already: a key is not overwritten`);
}
