import type { Command } from 'commander';
import { type Cli, parseUrl } from '../cli.ts';
import { type Credentials, storeLogin } from '../config.ts';
import { deliveryPath } from '../delivery.ts';
import { UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { request } from '../http.ts';
import { makeOwnKey } from '../password-login.ts';
import { readSecret } from '../read-secret.ts';

const LIMIT_BYTES = 1024 * 1024;

export function loginCommand(program: Command, cli: Cli): void {
  const command = program
    .command('login')
    .summary('store a server, an organisation and an API key for later commands')
    .option('--username <name>', 'log in by password, which is read from standard input')
    .action(({ username }: { username?: string }) =>
      username === undefined ? runLogin(cli, command) : runPasswordLogin(cli, command, username),
    );
  describe(command, {
    description: `
      Checks the key with the server and stores it, readable by you alone. With --token - the
      key is read from standard input, so that it shows neither in the shell's history nor in
      process lists. With --username the password is read there, and an API key of your own
      with your roles is made and stored, for 90 days. Options and environment variables go
      before what is stored.`,
    examples: [
      ['waymark login --url https://waymark.example.com --org acme --token - < key', 'from a file'],
      [
        'waymark login --url http://127.0.0.1:7420 --org acme --token "$(cat data/admin-key)"',
        'a server on this machine',
      ],
      ['waymark login --url https://waymark.example.com --username ada < password', 'as a person'],
    ],
    files: [['$XDG_CONFIG_HOME/waymark/login.json', 'what is stored, mode 0600']],
  });
}

async function runLogin(cli: Cli, command: Command): Promise<void> {
  const { url: given, org, token: argument } = cli.credentials(command);
  const url = parseUrl(given);
  const token = argument === '-' ? await readSecret(cli.world, 'API key') : argument;
  if (!token)
    throw new UsageError('this needs an API key: give it with --token, or --token - to read it');
  if (org) {
    const query = { limit: '1' };
    await request(
      { url, token },
      { path: `${deliveryPath(org)}/plugins`, query, limitBytes: LIMIT_BYTES },
    );
  }
  const unchecked = org ? [] : ['without --org the key could not be tried'];
  keep(cli, command, { url, token, ...(org && { org }) }, unchecked);
}

async function runPasswordLogin(cli: Cli, command: Command, username: string): Promise<void> {
  const { url: given, org } = cli.credentials(command);
  const url = parseUrl(given);
  const password = await readSecret(cli.world, 'password');
  const login = { username, password, ...(org && { org }) };
  keep(cli, command, { url, ...(await makeOwnKey(url, login, cli.world.clock)) });
}

function keep(cli: Cli, command: Command, login: Credentials, remarks: string[] = []): void {
  const path = storeLogin(cli.world.environment.configDir, login);
  const { url, org = null } = login;
  cli.output(command).result({ url, org, path }, [`stored in ${path}`, ...remarks]);
}
