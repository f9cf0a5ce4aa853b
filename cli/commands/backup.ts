import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { Failure, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { open, reasonOf, toRefusal } from '../http.ts';
import { formatBytes } from '../output.ts';
import { newFile, writeDownload } from '../write-download.ts';

interface BackupFlags {
  withMasterKey?: boolean;
  passphraseFile?: string;
}

/** Everything is read on the server before the first byte comes. */
const TIMEOUT_MS = 6 * 3_600_000;

export function backupCommand(program: Command, cli: Cli): void {
  const command = program
    .command('backup')
    .summary('write the whole site to one file')
    .argument('<file>', 'a new one, such as waymark.tar.gz')
    .option('--with-master-key', 'also the master key, encrypted by a passphrase')
    .option('--passphrase-file <file>', 'which holds that, 12 characters or more')
    .action((file: string, flags: BackupFlags) => backup(cli, command, file, flags));
  describe(command, {
    description: `
      Repositories, database and the signed documents that are served, as of one moment, while
      the server goes on. Needs a site administrator's key.

      Secrets and private keys are in it as they are stored: encrypted by the master key, which
      is not in it unless --with-master-key says so. Keep that key, or the passphrase, elsewhere:
      without it the file restores nothing.`,
    examples: [
      ['waymark backup waymark.tar.gz', 'the master key is kept elsewhere'],
      [
        'waymark backup waymark.tar.gz --with-master-key --passphrase-file phrase.txt',
        'all that is needed, but the passphrase',
      ],
    ],
  });
}

async function backup(cli: Cli, command: Command, file: string, flags: BackupFlags): Promise<void> {
  const path = await newFile(cli, file);
  const passphrase = await findPassphrase(cli, flags);
  const asked = { path: '/api/v1/backup', limitBytes: 0, timeoutMs: TIMEOUT_MS };
  const posted = passphrase === undefined ? {} : { method: 'POST', body: { passphrase } };
  const response = await open(cli.connection(command), { ...asked, ...posted });
  if (response.status >= 400 || !response.body) throw await toRefusal(response);
  await writeDownload(path, response.body).catch((cause: unknown) => {
    throw new Failure(`the backup broke off: ${reasonOf(cause)}`, { cause });
  });
  const { size } = await stat(path);
  cli.output(command).result({ file, size }, [`wrote ${file} (${formatBytes(size)})`]);
}

async function findPassphrase(
  { world }: Cli,
  { withMasterKey = false, passphraseFile }: BackupFlags,
): Promise<string | undefined> {
  if (withMasterKey !== (passphraseFile !== undefined)) {
    throw new UsageError('--with-master-key and --passphrase-file go together');
  }
  if (passphraseFile === undefined) return undefined;
  return (await readFile(resolve(world.cwd, passphraseFile), 'utf8')).trim();
}
