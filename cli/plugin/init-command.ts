import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { isPluginId } from '../../src/model/names.ts';
import type { Cli } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { packageRoot } from '../package.ts';
import { linkPackage } from './link-package.ts';

const STYLES = ['integration', 'routes', 'raw'] as const;
type Style = (typeof STYLES)[number];

interface InitFlags {
  style: Style;
  id?: string;
}

export function initCommand(plugin: Command, cli: Cli): void {
  const command = plugin
    .command('init')
    .summary('start a plugin')
    .argument('[dir]', 'an empty folder, or one to make', '.')
    .addOption(
      new Option('--style <style>', 'how it is written').choices(STYLES).default('integration'),
    )
    .option('--id <id>', "the plugin's id; default the folder's name")
    .action(async (dir: string, { style, id }: InitFlags) => {
      const target = resolve(cli.world.cwd, dir);
      const name = id ?? basename(target);
      if (!isPluginId(name)) throw new UsageError(`${name} is no id: give one with --id`);
      await copyTemplate(style, target, name);
      const place = relative(cli.world.cwd, target) || '.';
      cli
        .output(command)
        .result({ dir: target, id: name, style }, [
          `made the plugin ${name} in ${place}`,
          `next: cd ${place} && waymark plugin dev`,
        ]);
    });
  describe(command, {
    isLocal: true,
    description: `
      Makes a small plugin that works, with a test of it, in one of three styles: an object with
      a handler for each thing that happens (integration), files of an API by their folders
      (routes), or the methods of the wire themselves (raw). All three give the same plugin, and
      may be mixed.`,
    examples: [
      ['waymark plugin init hello', 'hears events, answers questions, has a tool'],
      ['waymark plugin init hello --style routes', 'api/**/route.ts'],
      ['waymark plugin init hello --style raw', 'a page and a management route'],
    ],
  });
}

async function copyTemplate(style: Style, target: string, id: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const present = (await readdir(target)).filter((name) => name !== '.git');
  if (present.length > 0) {
    throw new UsageError(`${target} is not empty: it has ${present.slice(0, 3).join(', ')}`);
  }
  const template = join(packageRoot, 'plugin-templates', style);
  await cp(template, target, { recursive: true });
  for (const path of await readdir(template, { recursive: true })) {
    if (/\.(?:json|md|ts)$/.test(path)) await rename(join(target, path), id);
  }
  await mkdir(join(target, 'node_modules'));
  await linkPackage(target);
  await writeFile(join(target, '.gitignore'), 'node_modules/\n*.tar.gz\n*.pem\n');
}

/** Templates are checked as they stand, so their placeholder is a name like any other. */
async function rename(path: string, id: string): Promise<void> {
  const title = id.charAt(0).toUpperCase() + id.slice(1).replaceAll('-', ' ');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll('plugin-name', id).replaceAll('Plugin name', title));
}
