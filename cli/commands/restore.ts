import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { runService } from '../run-service.ts';

interface RestoreFlags {
  dataDir?: string;
  passphraseFile?: string;
}

export function restoreCommand(program: Command, cli: Cli): void {
  const command = program
    .command('restore')
    .summary('make a site from a backup')
    .argument('<file>', 'what waymark backup wrote')
    .option('--data-dir <dir>', 'a new one; default ./data')
    .option('--passphrase-file <file>', 'for a backup that holds the master key')
    .action(async (file: string, flags: RestoreFlags) =>
      cli.exitWith(await restore(cli, file, flags)),
    );
  describe(command, {
    description: `
      Into an empty data directory, and with DATABASE_URL into an empty database: a backup of one
      kind of database restores into the other. Start it with waymark serve afterwards.

      The archive is checked first: one that was cut off or altered restores nothing. It was
      sealed by the master key, which is needed here too: by WAYMARK_MASTER_KEY or
      WAYMARK_MASTER_KEY_FILE, or by the passphrase where the backup holds it.

      Clients go on as they were. Whatever happened after the backup is forgotten: keys that were
      revoked since count again, and clients that have newer releases say so.`,
    examples: [['waymark restore waymark.tar.gz --data-dir /var/lib/waymark', 'on a new machine']],
    exitCodes: [[4, 'the backup is damaged: nothing was written']],
  });
}

const restore = (
  { world }: Cli,
  file: string,
  { dataDir, passphraseFile }: RestoreFlags,
): Promise<number> => {
  const passphrase = passphraseFile && ['--passphrase-file', resolve(world.cwd, passphraseFile)];
  const args = ['restore', resolve(world.cwd, file), ...(passphrase || [])];
  return runService(args, { WAYMARK_DATA_DIR: dataDir && resolve(world.cwd, dataDir) });
};
