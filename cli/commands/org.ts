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

function createCommand(org: Command, cli: Cli): void {
  const command = org
    .command('create')
    .summary('make an organisation with its repository and keys')
    .argument('<slug>', 'its name in addresses: lower-case letters, digits and single hyphens')
    .option('--name <name>', 'how people call it; default the slug')
    .option('--empty', 'an empty repository, to push or import into, instead of the template')
    .action(async (slug: string, { name = slug, empty }: { name?: string; empty?: boolean }) => {
      const body = { slug, name, mode: 'hosted', initial: empty ? 'empty' : 'template' };
      const connection = cli.connection(command);
      const made = await callApi<Org>(connection, { method: 'POST', path: '/orgs', body });
      const clone = `${connection.url}/git/${slug}.git`;
      cli.output(command).result({ ...made, clone }, [`made ${made.slug}`, `git clone ${clone}`]);
    });
  describe(command, {
    description: 'Takes under a second. The signing keys are made at the same time.',
    examples: [
      ['waymark org create acme', 'with the template registry'],
      ['waymark org create acme --empty', 'to push a registry that you have'],
    ],
  });
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
