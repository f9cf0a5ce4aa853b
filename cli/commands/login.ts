import type { Command } from 'commander';
import { type Cli, parseUrl } from '../cli.ts';
import { storeLogin } from '../config.ts';
import { deliveryPath } from '../delivery.ts';
import { UsageError } from '../errors.ts';
import { describe } from '../help.ts';
import { request } from '../http.ts';

const LIMIT_BYTES = 1024 * 1024;

export function loginCommand(program: Command, cli: Cli): void {
  const command = program
    .command('login')
    .summary('store a server, an organisation and an API key for later commands')
    .action(() => runLogin(cli, command));
  describe(command, {
    description: `
      Checks the key with the server and stores it, readable by you alone. With --token - the
      key is read from standard input, so that it shows neither in the shell's history nor in
      process lists. Options and environment variables go before what is stored.`,
    examples: [
      ['waymark login --url https://waymark.example.com --org acme --token - < key', 'from a file'],
      [
        'waymark login --url http://127.0.0.1:7420 --org acme --token "$(cat data/admin-key)"',
        'a server on this machine',
      ],
    ],
    files: [['$XDG_CONFIG_HOME/waymark/login.json', 'what is stored, mode 0600']],
  });
}

async function runLogin(cli: Cli, command: Command): Promise<void> {
  const { url: given, org, token: argument } = cli.credentials(command);
  const url = parseUrl(given);
  const token = argument === '-' ? await readAll(cli.world.stdin) : argument;
  if (!token)
    throw new UsageError('this needs an API key: give it with --token, or --token - to read it');
  if (org) {
    const query = { limit: '1' };
    await request(
      { url, token },
      { path: `${deliveryPath(org)}/plugins`, query, limitBytes: LIMIT_BYTES },
    );
  }
  const path = storeLogin(cli.world.environment.configDir, { url, token, ...(org && { org }) });
  const unchecked = org ? [] : ['without --org the key could not be tried'];
  cli.output(command).result({ url, org: org ?? null, path }, [`stored in ${path}`, ...unchecked]);
}

async function readAll(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString().trim();
}
