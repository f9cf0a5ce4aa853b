import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { Failure, ServerRefusal, UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import type { Connection } from '../http.ts';
import { formatTable } from '../output.ts';

interface Member {
  userId: string;
  username: string;
  displayName: string;
  roles: string[];
  departments: string[];
}

interface SetFlags {
  role?: string[];
  department?: string[];
}

const WHO = ['<person>', 'their user name, or their id'] as const;

export function memberCommand(program: Command, cli: Cli): void {
  const member = program.command('member').summary('say who is what in an organisation');
  describe(member, {
    description: `
      A member is a person of the site who has roles in the organisation. Teams are not kept
      here: they stand in the registry. Needs the role admin or owner.`,
    examples: [['waymark member set ada --role editor', 'Ada may push branches']],
  });
  setCommand(member, cli);
  listCommand(member, cli);
  removeCommand(member, cli);
}

function setCommand(member: Command, cli: Cli): void {
  const command = member
    .command('set')
    .summary('make a person a member, or give a member other roles')
    .argument(...WHO)
    .option('--role <role...>', 'their roles, instead of those they had')
    .option('--department <department...>', 'their departments, instead of those they had')
    .action((person: string, flags: SetFlags) => setMember(cli, command, person, flags));
  describe(command, {
    description: `
      Roles are owner, admin, publisher, approver, editor, viewer, auditor and those of
      registry.yaml. Nobody gives a role that allows what they may not do themselves.

      A new member's user name is known to site administrators alone; others give the id.`,
    examples: [
      ['waymark member set ada --role editor approver', 'may push branches, and review'],
      ['waymark member set ada --department sales', 'keeps her roles'],
    ],
  });
}

async function setMember(
  cli: Cli,
  command: Command,
  person: string,
  { role: roles, department: departments }: SetFlags,
): Promise<void> {
  if (!roles && !departments) throw new UsageError('give --role, --department or both');
  const connection = cli.connection(command);
  const path = placeOf(await findPerson(connection, person));
  const asked = { method: 'PUT', path, body: { roles, departments } };
  const set = await callApi<Member>(connection, asked);
  cli.output(command).result(set, [`${set.username} is ${set.roles.join(', ')}`]);
}

function listCommand(member: Command, cli: Cli): void {
  const command = member
    .command('list')
    .summary('list the members')
    .action(async () => {
      const members = await listApi<Member>(cli.connection(command), '/members');
      const rows = members.map(({ username, displayName, roles, departments, userId }) => [
        username,
        displayName,
        roles.join(','),
        departments.join(',') || '-',
        userId,
      ]);
      const header = ['username', 'name', 'roles', 'departments', 'id'];
      cli.output(command).result(members, formatTable(header, rows));
    });
  describe(command, {
    description: 'By user name, with their roles and departments.',
    examples: [['waymark member list', 'of your organisation']],
  });
}

function removeCommand(member: Command, cli: Cli): void {
  const command = member
    .command('remove')
    .summary('end a membership at once')
    .argument(...WHO)
    .action(async (person: string) => {
      const connection = cli.connection(command);
      const path = placeOf(await findPerson(connection, person));
      await callApi(connection, { method: 'DELETE', path });
      cli.output(command).result({ removed: person }, [`removed ${person}`]);
    });
  describe(command, {
    description: `
      Their API keys of the organisation are revoked. They stay a person of the site, and a
      member elsewhere.`,
    examples: [['waymark member remove ada', 'she works elsewhere now']],
  });
}

const placeOf = (userId: string): string => `/members/${encodeURIComponent(userId)}`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Among the members, whom an administrator of the org sees; then among all people. */
async function findPerson(connection: Connection, person: string): Promise<string> {
  if (UUID.test(person)) return person;
  const named = `?filter=${encodeURIComponent(JSON.stringify({ username: person }))}`;
  const [member] = await listApi<Member>(connection, `/members${named}`);
  if (member) return member.userId;
  const [user] = await listApi<{ id: string }>(connection, `/users${named}`).catch(ifDenied);
  if (user) return user.id;
  throw new Failure(`no ${person} is known to you here: give their id, or make them a user first`);
}

function ifDenied(error: unknown): [] {
  if (error instanceof ServerRefusal && error.status === 403) return [];
  throw error;
}
