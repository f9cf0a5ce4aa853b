import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { describe } from '../help.ts';
import { runService } from '../run-service.ts';

interface ServeFlags {
  host?: string;
  port?: string;
  dataDir?: string;
}

export function serveCommand(program: Command, cli: Cli): void {
  const command = program
    .command('serve')
    .summary('start a server')
    .option('--host <address>', 'where to listen; default 127.0.0.1')
    .option('--port <port>', 'default 7420; 0 picks a free one')
    .option('--data-dir <dir>', 'repositories, database, artifacts and keys; default ./data')
    .action(async (flags: ServeFlags) => cli.exitWith(await serve(flags)));
  describe(command, {
    description: `
      Needs nothing beside it: its database is an SQLite file, and DATABASE_URL moves it to
      PostgreSQL. A first start with an empty data directory makes the example organisation
      acme, and an admin key in <data>/admin-key.

      SIGTERM stops it: no new requests, the running ones finish, exit 0. Every other setting
      is an environment variable: see docs/spec/settings.md.`,
    examples: [
      ['waymark serve', 'on http://127.0.0.1:7420'],
      ['waymark serve --host 0.0.0.0 --port 8080 --data-dir /var/lib/waymark', 'for others'],
    ],
    files: [
      ['<data>/admin-key', "the site administrator's API key, mode 0600"],
      ['<data>/master-key', 'encrypts stored secrets, unless WAYMARK_MASTER_KEY is set'],
      ['<data>/management-key', 'opens /v0/management, unless WAYMARK_MANAGEMENT_KEY is set'],
    ],
  });
}

const serve = ({ host, port, dataDir }: ServeFlags): Promise<number> =>
  runService([], { WAYMARK_HOST: host, WAYMARK_PORT: port, WAYMARK_DATA_DIR: dataDir });
