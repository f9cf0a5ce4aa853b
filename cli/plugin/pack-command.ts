import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatBytes } from '../output.ts';
import { archiveOf } from './archive.ts';
import { type PackedPlugin, packPlugin } from './pack.ts';

interface PackFlags {
  out?: string;
  dir?: string;
}

export function packCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('pack')
    .summary('make a package of a plugin')
    .argument('[dir]', "the plugin's folder", '.')
    .option('-o, --out <file>', 'the package; default <id>.tar.gz')
    .option(
      '--dir <folder>',
      "write its files there instead, such as a registry's plugins/<id>/server",
    )
    .action(async (dir: string, flags: PackFlags) => {
      const { cwd } = cli.world;
      const packed = await packPlugin(resolve(cwd, dir));
      const path = await write(packed, cwd, flags);
      const size = [...packed.files.values()].reduce((sum, file) => sum + file.length, 0);
      const { id, version } = packed;
      const line = `${id} ${version}: ${formatBytes(size)} in ${relative(cwd, path) || '.'}`;
      cli.output(command).result({ id, version, path, files: [...packed.files.keys()] }, [line]);
    });
  describe(command, {
    isLocal: true,
    description: `
      Bundles src/plugin.ts (or plugin.ts, src/index.ts, index.ts) and every api/**/route.ts into one
      script, and writes what the code says of itself into plugin.json: capabilities, hooks,
      routes, tools, and the configuration's schema, converted from zod where it is zod. For
      that it runs the modules once, on this machine.

      The sandbox is no Node: an import of what it does not have is refused, with its file and
      line. So is a pattern that servers do not run, which match by RE2. The same files give the same package, byte by byte.`,
    examples: [
      ['waymark plugin pack', 'example.tar.gz, of the plugin in this folder'],
      ['waymark plugin pack --dir ../registry/plugins/example/server', 'to be released from there'],
    ],
    files: [
      ['plugin.json', 'what the code cannot say: permissions, author, repository'],
      ['src/plugin.ts', 'the definition'],
      ['api/**/route.ts', 'API routes, by their folders'],
    ],
  });
}

async function write(packed: PackedPlugin, cwd: string, { out, dir }: PackFlags): Promise<string> {
  if (dir !== undefined) {
    const folder = resolve(cwd, dir);
    await mkdir(folder, { recursive: true });
    // It is of other files: what is there now is unsigned rather than forged.
    await rm(join(folder, 'plugin.sig.json'), { force: true });
    for (const [name, content] of packed.files) await writeFile(join(folder, name), content);
    return folder;
  }
  const path = resolve(cwd, out ?? `${packed.id}.tar.gz`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await archiveOf(packed.files));
  return path;
}
