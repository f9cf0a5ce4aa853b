import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT } from '../errors.ts';
import { CONFLICTS_LEFT, describe, NOT_VERIFIED } from '../help.ts';
import type { InstallResult } from '../install/apply.ts';
import { runAlone } from '../install/busy.ts';
import type { OnConflict } from '../install/plan.ts';
import { parseRequest } from '../install/requests.ts';
import { sync } from '../install/sync.ts';
import { TARGETS } from '../install/targets.ts';
import { installLines, installValue } from '../install-lines.ts';

interface SyncFlags {
  target?: string;
  dir?: string;
  dryRun?: boolean;
  onConflict: OnConflict;
}

export const INSTALL_FILES = [
  ['waymark.lock', 'what is installed here; commit it with the project'],
  ['.waymark/', "this machine's own: enrolment, trusted keys, bytes as delivered; never committed"],
] as const;

export function conflictOption(): Option {
  return new Option(
    '--on-conflict <how>',
    'for files changed here and upstream: keep yours and put the new one beside it as <file>.remote; ' +
      'take the remote one and put yours beside it as <file>.local; or fail and write nothing',
  )
    .choices(['keep', 'remote', 'fail'])
    .default('keep');
}

function withSyncOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--target <tool>',
        'the layout: the tool that reads the files; default what the lock says, else raw',
      ).choices(TARGETS),
    )
    .option(
      '--dir <dir>',
      "where the plugins' folders go, from the project's folder; default the tool's own place",
    )
    .option('--dry-run', 'verify and say what would change, but write nothing')
    .addOption(conflictOption());
}

export function syncCommand(program: Command, cli: Cli): void {
  const command = withSyncOptions(program.command('sync'))
    .summary('bring the installed plugins to what the channel says')
    .action((flags: SyncFlags) => runSync(cli, command, flags, {}));
  describe(command, {
    description: `
      Fetches the signed index of the enrolled channel, each requested plugin's signed
      manifest, and its bundle; only what is not here yet comes over the line. Everything is
      verified before anything is written: signatures by the keys pinned at enrolment,
      expiry, order (nothing older than was seen before), every file's digest, and for a
      release also that its files make up the git tree that the signed tag names.

      The new folders are then built beside the live ones and exchanged. A crash at any
      point is finished by the next run.

      A file that you changed is kept and reported. Where it changed upstream too, yours
      stays and the new one is put beside it; remove that copy once you have dealt with it.
      A file that you deleted stays deleted.`,
    examples: [
      ['waymark sync', 'update everything that was added'],
      ['waymark sync --dry-run --json', 'what would change, for a script'],
      ['waymark sync --target claude --dir .claude/plugins', 'choose the layout and the place'],
    ],
    exitCodes: [CONFLICTS_LEFT, NOT_VERIFIED],
    files: INSTALL_FILES,
  });
}

export function addCommand(program: Command, cli: Cli): void {
  const command = withSyncOptions(program.command('add'))
    .summary('install plugins, and keep them up to date with sync')
    .argument(
      '<plugin...>',
      'a plugin, with @ and a range or a release where not the newest is meant',
    )
    .action((requests: string[], flags: SyncFlags) => {
      const add = Object.fromEntries(
        requests.map(parseRequest).map(({ plugin, range }) => [plugin, range]),
      );
      return runSync(cli, command, flags, add);
    });
  describe(command, {
    description: `
      Records the plugins in waymark.lock and runs a sync. If that fails, nothing is
      recorded. Adding a plugin again replaces what was asked for before: \`waymark add
      sales\` ends a pin.`,
    examples: [
      ['waymark add sales', 'whatever the channel says'],
      ["waymark add 'sales@^1.2'", 'the newest release within a range'],
      ['waymark add sales@1.4.0 --target claude', 'exactly this release, for Claude Code'],
    ],
    exitCodes: [CONFLICTS_LEFT, NOT_VERIFIED],
    files: INSTALL_FILES,
  });
}

async function runSync(
  cli: Cli,
  command: Command,
  flags: SyncFlags,
  add: Record<string, string>,
): Promise<void> {
  const project = cli.project(command);
  const result = await runAlone(project, async () =>
    sync(await cli.session(command), { ...flags, add }),
  );
  showInstall(cli, command, result, flags.dryRun ?? false);
}

export function showInstall(
  cli: Cli,
  command: Command,
  result: InstallResult,
  dryRun: boolean,
): void {
  cli.output(command).result(installValue(result, dryRun), installLines(result, dryRun));
  if (result.conflicts > 0) cli.exitWith(EXIT.conflicts);
}
