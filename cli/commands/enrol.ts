import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { type Cli, parseUrl } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { describe, NOT_VERIFIED } from '../help.ts';
import { enrol } from '../install/enrol.ts';
import { openProject } from '../install/project.ts';
import { INSTALL_FILES } from './sync.ts';

interface EnrolFlags {
  name?: string;
  channel: string;
  label: Record<string, string>;
  rootSha256?: string;
  encryption: boolean;
  again?: boolean;
}

export function enrolCommand(program: Command, cli: Cli): void {
  const command = program
    .command('enrol')
    .alias('enroll')
    .summary('make this project a client of an organisation')
    .option('--name <name>', "the client's name; default this machine's")
    .option(
      '--channel <channel>',
      'what to follow: rolling, stable, or a channel of the organisation',
      'rolling',
    )
    .addOption(
      new Option('--label <name=value>', 'a label for grouping clients; may be repeated')
        .argParser(collectLabel)
        .default({}, 'none'),
    )
    .option('--root-sha256 <digest>', 'refuse any root document but this one')
    .option('--no-encryption', 'without a key of its own: bundles come unencrypted, where allowed')
    .option('--again', 'replace an enrolment; what is installed stays')
    .action((flags: EnrolFlags) => runEnrol(cli, command, flags));
  describe(command, {
    description: `
      Fetches the organisation's root document, which names the keys that everything else is
      verified with, and pins it. Then makes an OpenPGP key pair, of which the private part
      never leaves this machine, and registers this project as a client.

      The API key is used for this one step and is not stored; the client gets a token of its
      own, and sees what the key's owner may see. Get the root's digest from an administrator
      by another way than this network, and give it with --root-sha256: without it the first
      answer is believed.`,
    examples: [
      ['waymark enrol --channel stable', 'with the server and key that `waymark login` stored'],
      [
        'waymark enrol --name ci-7 --label pool=ci --root-sha256 3f5a…',
        'a CI runner, with the root pinned',
      ],
    ],
    exitCodes: [NOT_VERIFIED],
    files: INSTALL_FILES,
  });
}

async function runEnrol(cli: Cli, command: Command, flags: EnrolFlags): Promise<void> {
  const { url, token } = cli.connection(command);
  const { project: dir } = command.optsWithGlobals<{ project?: string }>();
  const project = openProject(dir ?? cli.world.cwd);
  const { enrolment, root, rootSha256 } = await enrol({
    project,
    url: parseUrl(url),
    org: cli.org(command),
    token: token ?? '',
    name: flags.name ?? hostname(),
    labels: flags.label,
    channel: flags.channel,
    encrypt: flags.encryption,
    rootSha256: flags.rootSha256,
    again: flags.again ?? false,
    startedAtMs: cli.world.clock(),
  });
  const { clientId, name, channel, fingerprint, org } = enrolment;
  const value = {
    clientId,
    name,
    org,
    channel,
    fingerprint,
    root: { version: root.version, sha256: rootSha256 },
  };
  cli
    .output(command)
    .result(value, [
      `enrolled ${name} (${clientId}) in ${org}, channel ${channel}`,
      `root ${root.version}: sha256 ${rootSha256}`,
      ...(flags.rootSha256 ? [] : ['compare that digest with what your administrator says']),
      ...(fingerprint ? [`key ${fingerprint}`] : ['no key: bundles come unencrypted']),
    ]);
}

function collectLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`--label ${text}: write it as name=value`);
  return { ...labels, [text.slice(0, at)]: text.slice(at + 1) };
}
