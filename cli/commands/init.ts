import { cp, mkdir, readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { packageRoot } from '../package.ts';

export function initCommand(program: Command, cli: Cli): void {
  const command = program
    .command('init')
    .summary('start a registry from the template')
    .argument('[dir]', 'an empty folder, or one to make', '.')
    .action(async (dir: string) => {
      const target = resolve(cli.world.cwd, dir);
      await copyTemplate(target);
      const place = relative(cli.world.cwd, target) || '.';
      cli
        .output(command)
        .result({ dir: target }, [
          `made a registry in ${place}`,
          `next: cd ${place} && git init -b main && waymark validate`,
        ]);
    });
  describe(command, {
    description: `
      Copies a complete example: plugins with every kind of config object, shared objects,
      teams, grants and a channel, each with the schema line that editors complete from.
      Nothing is made that is not a file in that folder.`,
    examples: [
      ['waymark init registry', 'a new folder'],
      ['waymark init', 'here, where nothing is yet'],
    ],
  });
}

async function copyTemplate(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const present = (await readdir(target)).filter((name) => name !== '.git');
  if (present.length > 0) {
    throw new UsageError(`${target} is not empty: it has ${present.slice(0, 3).join(', ')}`);
  }
  await cp(join(packageRoot, 'registry-template'), target, { recursive: true });
}
