import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { Failure, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { parseRequest } from '../install/requests.ts';
import { formatTable } from '../output.ts';

interface Version {
  plugin: string;
  version: string;
  tag: string;
  tagOid: string;
  seq: number;
  commit: string;
  contentDigest: string;
  publishedAt: string;
  notes: string;
  yanked: unknown;
  yankReason?: string;
}

interface PublishFlags {
  commit?: string;
  notes?: string;
  name?: string;
}

export function releaseCommand(program: Command, cli: Cli): void {
  const release = program.command('release').summary('publish, list and yank releases');
  describe(release, {
    description: `
      A release is an annotated Git tag, signed with the organisation's release key. It never
      moves: what was published stays what it is. A yank takes it out of the channels, and
      whoever pins it exactly still gets it, with a warning.`,
    examples: [
      [
        'waymark release publish sales@1.4.0 --notes "New MCP guide"',
        'publish main as it is served now',
      ],
      ['waymark release list sales', 'its releases, newest first'],
    ],
  });
  publishCommand(release, cli);
  listCommand(release, cli);
  showCommand(release, cli);
  yankCommand(release, cli);
  unyankCommand(release, cli);
}

function publishCommand(release: Command, cli: Cli): void {
  const command = release
    .command('publish')
    .summary('publish a plugin version, or a named release of several')
    .argument('<plugin@version...>', 'what to publish')
    .option('--commit <oid>', 'of this commit instead of what is served now')
    .option('--notes <text>', 'what changed')
    .option('--name <name>', 'one release of that name, of versions that are published already')
    .action((items: string[], flags: PublishFlags) =>
      publish(cli, command, items.map(parseVersion), flags),
    );
  describe(command, {
    description: `
      Validates first; refuses a version that exists with other content, and answers the same
      again for the same content. Needs the permission releases:publish.`,
    examples: [
      ['waymark release publish sales@1.4.0', 'the tag sales--v1.4.0'],
      ['waymark release publish --name 2026-11 sales@1.4.0 ops@2.1.0', 'the tag release/2026-11'],
    ],
  });
}

async function publish(
  cli: Cli,
  command: Command,
  items: { plugin: string; version: string }[],
  { commit, notes, name }: PublishFlags,
): Promise<void> {
  const connection = cli.connection(command);
  const extras = { ...(commit && { commit }), ...(notes && { notes }) };
  const output = cli.output(command);
  if (name) {
    const components = items.map(({ plugin, version }) => ({ componentId: plugin, version }));
    const body = { name, components, ...extras };
    const made = await callApi<unknown>(connection, { method: 'POST', path: '/releases', body });
    return output.result(made, [`published release/${name}`]);
  }
  const made: Version[] = [];
  for (const { plugin, version } of items) {
    const path = `/components/${plugin}/versions`;
    made.push(
      await callApi<Version>(connection, { method: 'POST', path, body: { version, ...extras } }),
    );
  }
  output.result(made.length === 1 ? made[0] : made, made.map(publishedLine));
}

const publishedLine = ({ plugin, version, tag, commit, seq }: Version): string =>
  `published ${plugin} ${version} as ${tag} (release ${seq}, commit ${commit.slice(0, 12)})`;

function listCommand(release: Command, cli: Cli): void {
  const command = release
    .command('list')
    .summary('list releases')
    .argument('[plugin]', "one plugin's versions; without it the named releases")
    .action(async (plugin?: string) => {
      const path = plugin ? `/components/${encodeURIComponent(plugin)}/versions` : '/releases';
      const releases = await listApi<Version & { name?: string }>(cli.connection(command), path);
      const rows = releases.map((one) => [
        one.version ?? one.name ?? one.tag,
        one.publishedAt,
        one.commit?.slice(0, 12) ?? '-',
        one.yanked ? `yanked${one.yankReason ? `: ${one.yankReason}` : ''}` : '',
      ]);
      const header = [plugin ? 'version' : 'name', 'published', 'commit', 'state'];
      cli.output(command).result(releases, formatTable(header, rows));
    });
  describe(command, {
    description: 'Newest first by publishing time.',
    examples: [
      ['waymark release list sales', 'versions of one plugin'],
      ['waymark release list', 'named releases'],
    ],
  });
}

function showCommand(release: Command, cli: Cli): void {
  const command = release
    .command('show')
    .summary('show one release')
    .argument('<plugin@version>', 'which')
    .action(async (item: string) => {
      const { plugin, version } = parseVersion(item);
      const versions = await listApi<Version>(
        cli.connection(command),
        `/components/${plugin}/versions`,
      );
      const found = versions.find((one) => one.version === version);
      if (!found) throw new Failure(`${plugin} has no release ${version}`);
      cli.output(command).result(found, showLines(found));
    });
  describe(command, {
    description: 'Its tag, commit, content digest and notes.',
    examples: [['waymark release show sales@1.4.0', 'before pinning it']],
  });
}

function showLines(found: Version): string[] {
  const { tag, tagOid, commit, contentDigest, publishedAt, seq, notes, yanked, yankReason } = found;
  return [
    `tag        ${tag}`,
    `tag object ${tagOid}`,
    `commit     ${commit}`,
    `content    ${contentDigest}`,
    `published  ${publishedAt}`,
    `sequence   ${seq}`,
    ...(yanked ? [`yanked     ${yankReason ?? 'without a reason'}`] : []),
    ...(notes ? ['', notes] : []),
  ];
}

function yankCommand(release: Command, cli: Cli): void {
  const command = release
    .command('yank')
    .summary('take a release out of the channels')
    .argument('<plugin@version>', 'which')
    .requiredOption('--reason <text>', 'why; those who pinned it see it')
    .action(async (item: string, { reason }: { reason: string }) => {
      const { plugin, version } = parseVersion(item);
      const path = `/components/${plugin}/versions/${version}/yank`;
      const made = await callApi<unknown>(cli.connection(command), {
        method: 'POST',
        path,
        body: { reason },
      });
      cli.output(command).result(made, [`yanked ${plugin} ${version}`]);
    });
  describe(command, {
    description: 'A commit to the registry, not a tag move: it can be undone with unyank.',
    examples: [
      ['waymark release yank sales@1.4.0 --reason "wrong tool name"', 'clients fall back'],
    ],
  });
}

function unyankCommand(release: Command, cli: Cli): void {
  const command = release
    .command('unyank')
    .summary('put a yanked release back')
    .argument('<plugin@version>', 'which')
    .action(async (item: string) => {
      const { plugin, version } = parseVersion(item);
      const path = `/components/${plugin}/versions/${version}/unyank`;
      const made = await callApi<unknown>(cli.connection(command), {
        method: 'POST',
        path,
        body: {},
      });
      cli.output(command).result(made, [`put back ${plugin} ${version}`]);
    });
  describe(command, {
    description: 'Channels that admit it offer it again.',
    examples: [['waymark release unyank sales@1.4.0', 'the yank was a mistake']],
  });
}

function parseVersion(text: string): { plugin: string; version: string } {
  const { plugin, range: version } = parseRequest(text);
  if (!/^\d+\.\d+\.\d+/.test(version)) {
    throw new UsageError(`${text}: write plugin and version, such as sales@1.4.0`);
  }
  return { plugin, version };
}
