import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';
import { readSecret } from '../read-secret.ts';

interface User {
  id: string;
  username: string;
  displayName: string;
  isSiteAdmin: boolean;
  disabledAt: string | null;
}

interface CreateFlags {
  name?: string;
  email?: string;
  password?: boolean;
  siteAdmin?: boolean;
}

export function userCommand(program: Command, cli: Cli): void {
  const user = program.command('user').summary('make and list the people of the site');
  describe(user, {
    description: `
      For site administrators. A person logs in, and is a member of organisations, where they
      have roles: see waymark member.`,
    examples: [['waymark user create ada --password < password', 'make one']],
  });
  createCommand(user, cli);
  listCommand(user, cli);
}

function createCommand(user: Command, cli: Cli): void {
  const command = user
    .command('create')
    .summary('make a person of the site')
    .argument('<username>', 'what they log in by; Access files of a registry name them so')
    .option('--name <name>', 'how people call them; default the user name')
    .option('--email <address>', 'where to reach them')
    .option('--password', 'with a password, which is read from standard input')
    .option('--site-admin', 'an administrator of the site')
    .action((username: string, flags: CreateFlags) => createUser(cli, command, username, flags));
  describe(command, {
    description: `
      Without a password they log in by OpenID Connect alone. A password has at least 12
      characters. They are nothing in any organisation until they are made a member.`,
    examples: [
      ['waymark user create ada --password < password', 'who may log in then'],
      ['waymark member set ada --role editor', 'and push to the organisation'],
    ],
  });
}

async function createUser(
  cli: Cli,
  command: Command,
  username: string,
  { name: displayName, email, password, siteAdmin: isSiteAdmin }: CreateFlags,
): Promise<void> {
  const secret = password ? await readSecret(cli.world, 'password') : undefined;
  // Left out where it was not given: JSON has no undefined.
  const body = { username, displayName, email, password: secret, isSiteAdmin };
  const asked = { method: 'POST', path: '/users', body };
  const made = await callApi<User>(cli.connection(command), asked);
  cli.output(command).result(made, [`made ${made.username} (${made.id})`]);
}

function listCommand(user: Command, cli: Cli): void {
  const command = user
    .command('list')
    .summary('list the people of the site')
    .action(async () => {
      const users = await listApi<User>(cli.connection(command), '/users');
      const rows = users.map((one) => [one.username, one.displayName, stateOf(one), one.id]);
      cli.output(command).result(users, formatTable(['username', 'name', 'state', 'id'], rows));
    });
  describe(command, {
    description: 'By user name. Whoever is disabled cannot log in, and their keys do not count.',
    examples: [['waymark user list', 'everybody']],
  });
}

function stateOf({ disabledAt, isSiteAdmin }: User): string {
  if (disabledAt !== null) return 'disabled';
  return isSiteAdmin ? 'site admin' : '-';
}
