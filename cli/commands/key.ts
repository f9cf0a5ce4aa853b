import { type Command, Option } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';

interface ApiKey {
  id: string;
  name: string;
  roles: string[];
  user: string | null;
  teams: string[];
  expiresAt: string | null;
  lastUsedAt: string | null;
}

interface CreateFlags {
  role: string[];
  scope?: string[];
  user?: string;
  team?: string[];
  expires?: string;
}

export function keyCommand(program: Command, cli: Cli): void {
  const key = program.command('key').summary('make, list and revoke API keys');
  describe(key, {
    description: 'API keys are for CI and scripts, for git over HTTPS, and for enrolling clients.',
    examples: [['waymark key create ci --role publisher', 'a key that may push and publish']],
  });
  createCommand(key, cli);
  listCommand(key, cli);
  revokeCommand(key, cli);
}

function createCommand(key: Command, cli: Cli): void {
  const command = key
    .command('create')
    .summary('make an API key')
    .argument('<name>', 'what it is for, so that it can be told from others')
    .addOption(new Option('--role <role...>', 'what it may do').default(['viewer'], 'viewer'))
    .option('--scope <permission...>', 'only these of what its roles allow')
    .option('--user <user>', 'the person it stands for, as Access files name them')
    .option('--team <team...>', 'teams whose plugins it sees')
    .option('--expires <time>', 'when it ends, as 2027-01-31T00:00:00Z; default never')
    .action((name: string, flags: CreateFlags) => createKey(cli, command, name, flags));
  describe(command, {
    description: `
      The key is shown once and is not stored in readable form. Standard output has it alone.

      Roles are owner, admin, publisher, approver, editor, viewer, auditor and those of
      registry.yaml. Nobody makes a key that may do more than they may.`,
    examples: [
      [
        'waymark key create laptop --user ada@example.com --role editor',
        'a key that may enrol clients',
      ],
      ['WAYMARK_TOKEN=$(waymark key create ci --role publisher)', 'straight into a variable'],
      ['waymark key create mirror --role viewer --scope registry:read', 'to clone, and no more'],
    ],
  });
}

async function createKey(
  cli: Cli,
  command: Command,
  name: string,
  flags: CreateFlags,
): Promise<void> {
  const { role: roles, scope: scopes, user, team: teams, expires: expiresAt } = flags;
  // Left out where it was not given: JSON has no undefined.
  const body = { name, roles, scopes, user, teams, expiresAt };
  const asked = { method: 'POST', path: '/api-keys', body };
  const made = await callApi<ApiKey & { key: string }>(cli.connection(command), asked);
  const output = cli.output(command);
  output.say(`made ${made.id}. It is shown this once:`);
  output.result(made, [made.key]);
}

function listCommand(key: Command, cli: Cli): void {
  const command = key
    .command('list')
    .summary('list API keys')
    .action(async () => {
      const keys = await listApi<ApiKey>(cli.connection(command), '/api-keys');
      const rows = keys.map((one) => [
        one.id,
        one.name,
        one.roles.join(','),
        one.user ?? '-',
        one.lastUsedAt ?? 'never used',
      ]);
      cli
        .output(command)
        .result(keys, formatTable(['id', 'name', 'roles', 'user', 'last used'], rows));
    });
  describe(command, {
    description: 'Newest first; the secrets are not among it.',
    examples: [['waymark key list', 'the keys of your organisation']],
  });
}

function revokeCommand(key: Command, cli: Cli): void {
  const command = key
    .command('revoke')
    .summary('end an API key at once')
    .argument('<id>', 'its id, from `waymark key list`')
    .action(async (id: string) => {
      await callApi(cli.connection(command), {
        method: 'DELETE',
        path: `/api-keys/${encodeURIComponent(id)}`,
      });
      cli.output(command).result({ revoked: id }, [`revoked ${id}`]);
    });
  describe(command, {
    description: 'Clients that were enrolled with the key lose what it could see.',
    examples: [['waymark key revoke 0f3a9c1d5e7b2468', 'the key is refused from now on']],
  });
}
