import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { readOfflineRootKey } from '../../src/signing/root-key.ts';
import { callApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { Failure, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { exists, syncFolder, writeSynced } from '../install/files.ts';

interface RootExportFlags {
  remove?: boolean;
  out?: string;
}

interface ExportedRootKey {
  fingerprint: string;
  armored: string;
  rootVersion: number;
  custody: 'server' | 'offline';
}

export function rootCommand(keys: Command, cli: Cli): void {
  const root = keys.command('root').summary('the root key, which vouches for all others');
  describe(root, {
    description: `
      Whoever has the root key decides which keys clients trust. Kept on the server it is as safe
      as the server; taken away, a stolen server can be replaced and its keys with it.`,
    examples: [['waymark keys root export --remove --out root.asc', 'take it off the server']],
  });
  const command = root
    .command('export')
    .summary('print the private root key, armored')
    .option('--remove', 'and take it off the server')
    .option('--out <file>', 'write it there, readable by you alone; needed with --remove')
    .action((flags: RootExportFlags) => exportRoot(cli, command, flags));
  describe(command, {
    description: `
      The key has no passphrase: put it where only the owners reach it, twice. Who exported it
      and when stands in the audit log. Needs the role owner.

      With --remove the server signs one more root, which says that the key is offline, and
      forgets it, after the file is safely written here. From then on waymark keys rotate needs
      --root-key. It cannot be put back: an organisation whose root key is lost has to be made
      anew. Backups of the server's database from before still hold it, encrypted.`,
    examples: [
      ['waymark keys root export --out root.asc', 'a copy to keep'],
      ['waymark keys root export --remove --out root.asc', 'the only one from now on'],
    ],
  });
}

async function exportRoot(
  cli: Cli,
  command: Command,
  { remove = false, out }: RootExportFlags,
): Promise<void> {
  if (remove && out === undefined) {
    throw new UsageError('--remove needs --out <file>: it would be the only copy');
  }
  const path = out && resolve(cli.world.cwd, out);
  if (path && (await exists(path)))
    throw new UsageError(`${out} is there already: name a new file`);
  const exported = await callExport(cli, command, false);
  if (path) await writeKey(path, exported);
  // Only now: were this answer lost after the server forgot it, the key would be gone.
  const { armored, ...facts } = remove ? await callExport(cli, command, true) : exported;
  const where = remove ? ', and no longer on the server' : '';
  const value = out === undefined ? { ...facts, armored } : { ...facts, file: out };
  const lines = out === undefined ? [armored.trim()] : [`${facts.fingerprint} in ${out}${where}`];
  cli.output(command).result(value, lines);
}

async function callExport(cli: Cli, command: Command, remove: boolean): Promise<ExportedRootKey> {
  const asked = { method: 'POST', path: '/keys/root/export', body: { remove } };
  return await callApi<ExportedRootKey>(cli.connection(command), asked);
}

async function writeKey(path: string, { armored, fingerprint }: ExportedRootKey): Promise<void> {
  const key = await readOfflineRootKey(armored);
  if (key.fingerprint !== fingerprint)
    throw new Failure('the server gave another key than it says');
  await writeSynced(path, armored, 0o600).catch((cause: unknown) => {
    throw new Failure(`${path} could not be written: nothing was removed`, { cause });
  });
  await syncFolder(dirname(path));
}
