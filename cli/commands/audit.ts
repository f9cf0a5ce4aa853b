import type { Command } from 'commander';
import type { Checkpoint } from '../../src/signing/checkpoint.ts';
import { callApi } from '../api.ts';
import { linesOf } from '../audit/lines.ts';
import { openLog } from '../audit/open-log.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { writeDurably } from '../install/files.ts';
import { newFile, writeDownload } from '../write-download.ts';
import { verifyCommand } from './audit-verify.ts';

export function auditCommand(program: Command, cli: Cli): void {
  const audit = program.command('audit').summary('the log of all that was done, and its proof');
  describe(audit, {
    description: `
      Every change of an organisation adds an entry to its log, in the transaction that makes the
      change. Entries are chained by their hashes, and the organisation's index key signs every
      hour where the chain stands. Needs the role auditor, admin or owner.`,
    examples: [['waymark audit verify', 'is it whole?']],
  });
  verifyCommand(audit, cli);
  exportCommand(audit, cli);
  checkpointCommand(audit, cli);
}

function exportCommand(audit: Command, cli: Cli): void {
  const command = audit
    .command('export')
    .summary('write the whole log, one JSON text a line')
    .option('--out <file>', 'there, instead of standard output')
    .action(async ({ out }: { out?: string }) => {
      const path = out && (await newFile(cli, out));
      const bytes = await openLog(cli, command);
      if (path) await writeDownload(path, bytes);
      else for await (const line of linesOf(bytes)) cli.world.stdout.write(`${line}\n`);
      if (path) cli.output(command).result({ file: out }, [`wrote ${out}`]);
    });
  describe(command, {
    description: `
      With every field that was hashed, so that waymark audit verify --file can check it without
      a server. --org '*' is the log of the site itself.`,
    examples: [['waymark audit export --out audit.ndjson', 'to keep it elsewhere']],
  });
}

function checkpointCommand(audit: Command, cli: Cli): void {
  const command = audit
    .command('checkpoint')
    .summary('have the place signed where the log stands now')
    .option('--out <file>', 'write it there, instead of to standard output')
    .action(async ({ out }: { out?: string }) => {
      const path = out && (await newFile(cli, out));
      const asked = { method: 'POST', path: '/audit/checkpoints' };
      const made = await callApi<Checkpoint>(cli.connection(command), asked);
      const text = JSON.stringify(made, null, 2);
      if (path) await writeDurably(path, `${text}\n`);
      cli.output(command).result(made, [path ? `entry ${made.sequence} in ${out}` : text]);
    });
  describe(command, {
    description: `
      Kept where the server's administrators cannot reach it, a checkpoint proves later that the
      log still has every entry up to then, unchanged. One is made every hour by itself.`,
    examples: [['waymark audit checkpoint --out 2026-11.json', 'one to keep']],
  });
}
