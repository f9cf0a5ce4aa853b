import type { Command } from 'commander';
import { callApi, listApi } from '../api.ts';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { formatTable } from '../output.ts';
import { readSecret } from '../read-secret.ts';

interface Secret {
  name: string;
  updatedAt: string;
  updatedBy: string;
}

const placeOf = (name: string): string => `/secrets/${encodeURIComponent(name)}`;

export function secretCommand(program: Command, cli: Cli): void {
  const secret = program.command('secret').summary('store, list and remove secrets');
  describe(secret, {
    description: `
      What an organisation needs to reach others, such as the password or private key of a
      mirror's upstream. Stored encrypted, and never shown again. Needs the role admin or owner.`,
    examples: [['waymark secret set upstream-token < token', 'for a mirror']],
  });
  setCommand(secret, cli);
  listCommand(secret, cli);
  removeCommand(secret, cli);
}

function setCommand(secret: Command, cli: Cli): void {
  const command = secret
    .command('set')
    .summary('store a secret, in place of the one of that name')
    .argument('<name>', 'lower-case letters, digits and single hyphens')
    .action(async (name: string) => {
      const value = await readSecret(cli.world, 'value');
      const asked = { method: 'PUT', path: placeOf(name), body: { value } };
      const stored = await callApi<Secret>(cli.connection(command), asked);
      cli.output(command).result(stored, [`stored ${stored.name}`]);
    });
  describe(command, {
    description: `
      The value is read from standard input. The line end behind a single line is left out; a
      value of several lines, such as a private key, is stored as it is.`,
    examples: [
      ['waymark secret set upstream-token < token', 'a password or token'],
      ['waymark secret set deploy-key < ~/.ssh/waymark', 'a private key without passphrase'],
    ],
  });
}

function listCommand(secret: Command, cli: Cli): void {
  const command = secret
    .command('list')
    .summary('list the names of the secrets')
    .action(async () => {
      const secrets = await listApi<Secret>(cli.connection(command), '/secrets');
      const rows = secrets.map(({ name, updatedAt, updatedBy }) => [name, updatedAt, updatedBy]);
      cli.output(command).result(secrets, formatTable(['name', 'updated', 'by'], rows));
    });
  describe(command, {
    description: 'Names, and who stored them when; nothing shows a value.',
    examples: [['waymark secret list', 'the secrets of your organisation']],
  });
}

function removeCommand(secret: Command, cli: Cli): void {
  const command = secret
    .command('remove')
    .summary('remove a secret')
    .argument('<name>', 'its name, from `waymark secret list`')
    .action(async (name: string) => {
      await callApi(cli.connection(command), { method: 'DELETE', path: placeOf(name) });
      cli.output(command).result({ removed: name }, [`removed ${name}`]);
    });
  describe(command, {
    description: 'What still refers to it fails until there is one of that name again.',
    examples: [['waymark secret remove upstream-token', 'it is not needed any more']],
  });
}
