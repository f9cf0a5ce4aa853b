import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT } from '../errors.ts';
import { describe } from '../help.ts';
import { runAlone } from '../install/busy.ts';
import { type FileFinding, type VerifyResult, verifyInstalled } from '../install/verify.ts';
import { count } from '../install-lines.ts';
import { INSTALL_FILES } from './sync.ts';

export function verifyCommand(program: Command, cli: Cli): void {
  const command = program
    .command('verify')
    .summary('check the installed files against their signed manifests')
    .action(async () => {
      const result = await runAlone(cli.project(command), async () =>
        verifyInstalled(await cli.session(command)),
      );
      const value = { ok: result.faults.length === 0, ...result };
      cli.output(command).result(value, verifyLines(result));
      if (result.faults.length > 0) cli.exitWith(EXIT.unverified);
    });
  describe(command, {
    description: `
      Works offline. Each plugin's manifest is verified with the pinned keys, the lock file is
      held to the manifest, and every installed file to its digest and mode. Changes that a
      sync has recorded as yours are listed and are no fault; neither are files that you
      added. Anything else is.`,
    examples: [
      ['waymark verify', 'in the project'],
      ['waymark verify --json', 'every file, for a script'],
    ],
    exitCodes: [[4, 'a file, a manifest or the lock is not what was delivered']],
    files: INSTALL_FILES,
  });
}

function verifyLines({ files, faults }: VerifyResult): string[] {
  const intact = files.filter(({ state }) => state === 'intact').length;
  const line = ({ plugin, path, state }: FileFinding): string =>
    `  ${state.padEnd(9)} ${plugin}/${path}`;
  const known = files.filter((file) => file.state !== 'intact' && !faults.includes(file));
  return [
    `${count(intact, 'file')} as delivered`,
    ...(known.length > 0 ? ['known changes:', ...known.map(line)] : []),
    ...(faults.length > 0 ? ['not as delivered:', ...faults.map(line)] : []),
  ];
}
