import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { KeyRole } from '../../src/signing/keys.ts';
import { keysOfRole } from '../../src/signing/root.ts';
import type { Cli } from '../cli.ts';
import { describe, NOT_VERIFIED } from '../help.ts';
import { writeDurably } from '../install/files.ts';
import { findNewestRoot } from '../newest-root.ts';
import { readRoot } from '../trust/root.ts';
import { rootCommand } from './keys-root.ts';
import { rotateCommand } from './keys-rotate.ts';

interface ExportFlags {
  role: KeyRole;
  out?: string;
}

export function keysCommand(program: Command, cli: Cli): void {
  const keys = program.command('keys').summary("an organisation's signing keys");
  describe(keys, {
    description: 'What releases, manifests and indexes are signed with.',
    examples: [['waymark keys export | gpg --import', 'to check tags with git and gpg']],
  });
  exportCommand(keys, cli);
  rotateCommand(keys, cli);
  rootCommand(keys, cli);
}

function exportCommand(keys: Command, cli: Cli): void {
  const command = keys
    .command('export')
    .summary('print the public signing keys, armored')
    .addOption(
      new Option('--role <role>', 'which').choices(['release', 'index', 'root']).default('release'),
    )
    .option('-o, --out <file>', 'write them there')
    .action((flags: ExportFlags) => exportKeys(cli, command, flags));
  describe(command, {
    description: `
      Prints the keys that the root document gives a role. In an enrolled project that is the
      pinned root, verified up to its newest version; elsewhere it is what the server says.`,
    examples: [
      [
        'waymark keys export | gpg --import && git verify-tag sales--v1.4.0',
        'verify a release tag',
      ],
      ['waymark keys export --role index -o index.asc', 'the key that signs indexes'],
    ],
    exitCodes: [NOT_VERIFIED],
  });
}

async function exportKeys(
  cli: Cli,
  command: Command,
  { role, out: path }: ExportFlags,
): Promise<void> {
  const root = readRoot(await findNewestRoot(cli, command));
  const armored = keysOfRole(root, role).map((key) => key.trim());
  if (path) await writeDurably(resolve(cli.world.cwd, path), `${armored.join('\n')}\n`);
  const { version, roles } = root;
  const value = { role, rootVersion: version, fingerprints: roles[role].keyids, armored };
  cli
    .output(command)
    .result(value, path ? [`${roles[role].keyids.join(' ')} in ${path}`] : armored);
}
