import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';

interface Org {
  slug: string;
  name: string;
  mode: string;
  createdAt: string;
}

export function orgCommand(program: Command, cli: Cli): void {
  const org = program.command('org').summary('make, list and delete organisations');
  describe(org, {
    description: 'For site administrators. One organisation is one registry: one Git repository.',
    examples: [['waymark org create acme --name "Acme Ltd"', 'make one, from the template']],
  });
  createCommand(org, cli);
  listCommand(org, cli);
  deleteCommand(org, cli);
}

interface CreateFlags extends UpstreamFlags {
  name?: string;
  empty?: boolean;
  mirror?: boolean;
}

interface UpstreamFlags {
  upstream?: string;
  branch?: string;
  secret?: string;
  username?: string;
  knownHosts?: string;
}

function createCommand(org: Command, cli: Cli): void {
  const command = org
    .command('create')
    .summary('make an organisation with its repository and keys')
    .argument('<slug>', 'its name in addresses: lower-case letters, digits and single hyphens')
    .option('--name <name>', 'how people call it; default the slug')
    .option('--empty', 'an empty repository, to push or import into, instead of the template')
    .option('--mirror', 'follow a repository that is elsewhere, which --upstream names')
    .option('--upstream <url>', 'https://host/path, ssh://user@host/path or user@host:path')
    .option('--branch <branch>', 'the branch that is followed; default main')
    .option('--secret <name>', 'the secret with its password, token or private key')
    .option('--username <name>', 'whose password it is, over https; default git')
    .option('--known-hosts <file>', "over ssh: its host's keys, as ssh-keyscan prints them")
    .action((slug: string, flags: CreateFlags) => createOrg(cli, command, slug, flags));
  describe(command, {
    description: `
      Takes under a second. The signing keys are made at the same time.

      A mirror's main is its upstream's. Store the secret once the organisation is made: then
      the upstream is looked at.`,
    examples: [
      ['waymark org create acme', 'with the template registry'],
      ['waymark org create acme --empty', 'to push a registry that you have'],
      [
        'waymark org create tools --mirror --upstream https://git.example.com/tools.git --secret token',
        'to follow one that is elsewhere',
      ],
      ['waymark secret set token --org tools < token', 'the secret of that'],
    ],
  });
}

async function createOrg(
  cli: Cli,
  command: Command,
  slug: string,
  { name = slug, ...flags }: CreateFlags,
): Promise<void> {
  const body = { slug, name, ...(await contentOf(cli, flags)) };
  const connection = cli.connection(command);
  const made = await callApi<Org>(connection, { method: 'POST', path: '/orgs', body });
  const clone = `${connection.url}/git/${slug}.git`;
  const output = cli.output(command);
  output.result({ ...made, clone }, [`made ${made.slug}`, `git clone ${clone}`]);
  if (flags.secret)
    output.say(`store its secret: waymark secret set ${flags.secret} --org ${slug}`);
}

/** What it begins with: a repository of its own, or somebody else's. */
async function contentOf(
  { world }: Cli,
  { mirror, empty, ...flags }: Omit<CreateFlags, 'name'>,
): Promise<Record<string, unknown>> {
  const { upstream: url, branch, secret: secretRef, username, knownHosts: file } = flags;
  if (!mirror) {
    if (Object.keys(flags).length === 0)
      return { mode: 'hosted', initial: empty ? 'empty' : 'template' };
    throw new UsageError('only a mirror has an upstream: give --mirror too');
  }
  if (url === undefined) throw new UsageError('--mirror needs --upstream');
  if (empty) throw new UsageError('a mirror has what its upstream has: leave --empty out');
  if (username && !secretRef) throw new UsageError('--username needs --secret');
  const credentials = secretRef && { secretRef, username };
  const knownHosts = file && (await readFile(resolve(world.cwd, file), 'utf8'));
  return { mode: 'mirror', upstream: { url, branch, credentials, knownHosts } };
}

function listCommand(org: Command, cli: Cli): void {
  const command = org
    .command('list')
    .summary('list the organisations')
    .action(async () => {
      const orgs = await listApi<Org>(cli.connection(command), '/orgs');
      const rows = orgs.map(({ slug, name, mode, createdAt }) => [slug, name, mode, createdAt]);
      cli.output(command).result(orgs, formatTable(['slug', 'name', 'mode', 'created'], rows));
    });
  describe(command, {
    description: 'All organisations of this site, by slug.',
    examples: [['waymark org list --json', 'for a script']],
  });
}

function deleteCommand(org: Command, cli: Cli): void {
  const command = org
    .command('delete')
    .summary('delete an organisation with everything that it has')
    .argument('<slug>', 'the organisation')
    .requiredOption('--confirm <slug>', 'the slug once more: this cannot be undone')
    .action(async (slug: string, { confirm }: { confirm: string }) => {
      if (confirm !== slug)
        throw new UsageError(`--confirm says ${confirm}, not ${slug}: nothing was deleted`);
      await callApi(cli.connection(command), { method: 'DELETE', path: `/orgs/${slug}` });
      cli.output(command).result({ deleted: slug }, [`deleted ${slug}`]);
    });
  describe(command, {
    description: 'Repository, releases, clients and keys are gone afterwards; the audit log stays.',
    examples: [['waymark org delete acme --confirm acme', 'for good']],
  });
}
