import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Checkpoint, verifyCheckpoint } from '../../src/signing/checkpoint.ts';
import { callApi } from '../api.ts';
import { checkLog, parseCheckpoint } from '../audit/check-log.ts';
import { findIndexKeys } from '../audit/index-keys.ts';
import { linesOf } from '../audit/lines.ts';
import { openLog } from '../audit/open-log.ts';
import type { Cli } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { describe, NOT_VERIFIED } from '../help.ts';
import { refusedAs } from '../trust/signature.ts';

interface VerifyFlags {
  file?: string;
  checkpoint?: string;
  rootSha256?: string;
}

export function verifyCommand(audit: Command, cli: Cli): void {
  const command = audit
    .command('verify')
    .summary('recompute the audit log, and find what was changed')
    .option('--file <export>', "one that waymark audit export wrote, instead of the server's")
    .option('--checkpoint <file>', 'one that was kept; default the newest that the server has')
    .option('--root-sha256 <digest>', "the root document whose keys count; default the project's")
    .action((flags: VerifyFlags) => verify(cli, command, flags));
  describe(command, {
    description: `
      Every entry carries the hash of the one before. This computes all of them here, from the
      entries alone, and names the first that does not hold.

      A chain shows what was changed inside it. That its end was cut off, or that all of it was
      written anew, only a checkpoint shows: a place in the log that the organisation's index
      key signed. Keep them elsewhere (waymark audit checkpoint), since whoever can rewrite the
      log may be able to sign.`,
    examples: [
      ['waymark audit verify', 'the log as the server has it, and its newest checkpoint'],
      ['waymark audit verify --checkpoint 2026-11.json --root-sha256 9f86d0…', 'trusting nobody'],
      ['waymark audit verify --file audit.ndjson', 'an export, without a server'],
    ],
    exitCodes: [NOT_VERIFIED],
  });
}

async function verify(cli: Cli, command: Command, flags: VerifyFlags): Promise<void> {
  const { file } = flags;
  const checkpoint = await findCheckpoint(cli, command, flags);
  const tenant = file === undefined ? cli.org(command) : checkpoint?.tenant;
  if (checkpoint && checkpoint.tenant !== tenant) {
    throw new UsageError(`the checkpoint is one of ${checkpoint.tenant}, not of ${tenant}`);
  }
  if (checkpoint) {
    const keys = await findIndexKeys(cli, command, flags.rootSha256);
    const checked = verifyCheckpoint(checkpoint, keys);
    await refusedAs('SIGNATURE_INVALID', 'checkpoint', checked);
  }
  const bytes = file ? createReadStream(resolve(cli.world.cwd, file)) : await openLog(cli, command);
  const { entries } = await checkLog(linesOf(bytes), tenant, checkpoint ? [checkpoint] : []);
  report(cli, command, entries, checkpoint);
}

async function findCheckpoint(
  cli: Cli,
  command: Command,
  { file, checkpoint }: VerifyFlags,
): Promise<Checkpoint | undefined> {
  if (checkpoint !== undefined) {
    return parseCheckpoint(await readFile(resolve(cli.world.cwd, checkpoint)));
  }
  if (file !== undefined) return undefined;
  const query = { pageSize: '1' };
  const asked = { path: '/audit/checkpoints', query };
  const [newest] = await callApi<unknown[]>(cli.connection(command), asked);
  return newest === undefined ? undefined : parseCheckpoint(Buffer.from(JSON.stringify(newest)));
}

function report(
  cli: Cli,
  command: Command,
  entries: number,
  checkpoint: Checkpoint | undefined,
): void {
  const output = cli.output(command);
  if (!checkpoint) output.warn('without a checkpoint nothing shows that the end was cut off');
  const vouched = checkpoint
    ? [`checkpoint ${checkpoint.sequence} of ${checkpoint.at}, signed by ${checkpoint.keyId}`]
    : [];
  const value = { ok: true, entries, checkpoint: checkpoint ?? null };
  output.result(value, [`${entries} entries, none changed`, ...vouched]);
}
