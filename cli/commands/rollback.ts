import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CONFLICTS_LEFT, describe, NOT_VERIFIED } from '../help.ts';
import { runAlone } from '../install/busy.ts';
import type { OnConflict } from '../install/plan.ts';
import { rollback } from '../install/rollback.ts';
import { conflictOption, INSTALL_FILES, showInstall } from './sync.ts';

interface RollbackFlags {
  dryRun?: boolean;
  onConflict: OnConflict;
}

export function rollbackCommand(program: Command, cli: Cli): void {
  const command = program
    .command('rollback')
    .summary('go back to what was installed before')
    .argument('[plugin...]', 'the plugins; default every one that has an earlier install')
    .option('--dry-run', 'say what would change, but write nothing')
    .addOption(conflictOption())
    .action(async (plugins: string[], { dryRun = false, onConflict }: RollbackFlags) => {
      const result = await runAlone(cli.project(command), async () =>
        rollback(await cli.session(command), plugins, { dryRun, onConflict }),
      );
      showInstall(cli, command, result, dryRun);
      cli.output(command).say('pinned there: `waymark add <plugin>` follows the channel again');
    });
  describe(command, {
    description: `
      Restores the install before the last change of a plugin's content, from what is kept
      on this machine: no server is asked. Its manifest is verified again first. The plugin
      is then pinned to that version, so that the next sync does not undo it; \`waymark add
      <plugin>\` ends the pin. Rolling back a second time comes back.

      Files that you changed are treated as in a sync.`,
    examples: [
      ['waymark rollback sales', 'undo the last update of one plugin'],
      ['waymark rollback --dry-run', 'what would go back'],
    ],
    exitCodes: [CONFLICTS_LEFT, NOT_VERIFIED],
    files: INSTALL_FILES,
  });
}
