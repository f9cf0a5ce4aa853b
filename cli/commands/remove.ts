import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { runAlone } from '../install/busy.ts';
import { removePlugins } from '../install/remove.ts';
import { INSTALL_FILES, showInstall } from './sync.ts';

export function removeCommand(program: Command, cli: Cli): void {
  const command = program
    .command('remove')
    .summary('uninstall plugins')
    .argument('<plugin...>', 'the plugins')
    .option('--dry-run', 'say what would go, but write nothing')
    .action(async (plugins: string[], { dryRun = false }: { dryRun?: boolean }) => {
      const result = await runAlone(cli.project(command), async () =>
        removePlugins(await cli.session(command), plugins, dryRun),
      );
      showInstall(cli, command, result, dryRun);
    });
  describe(command, {
    description: `
      Deletes the files that are as they were delivered. Files that you changed, or put there
      yourself, stay where they are and are yours. Works without the server, which hears of
      it at the next sync.`,
    examples: [['waymark remove sales', 'uninstall one plugin']],
    files: INSTALL_FILES,
  });
}
