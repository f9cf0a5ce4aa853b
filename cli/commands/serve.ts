import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { environmentWith } from '../config.ts';
import { describe } from '../help.ts';
import { packageRoot } from '../package.ts';

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
    ],
  });
}

/** Its own process, so that this program never opens a database. Answers its exit code. */
async function serve(flags: ServeFlags): Promise<number> {
  const child = spawn(process.execPath, [mainModule()], {
    stdio: 'inherit',
    env: environmentWith({
      WAYMARK_HOST: flags.host,
      WAYMARK_PORT: flags.port,
      WAYMARK_DATA_DIR: flags.dataDir,
    }),
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  // A terminal's SIGINT reaches the child by itself; twice would cut its shutdown short.
  const ignore = (): void => {};
  process.on('SIGINT', ignore).on('SIGTERM', forward).on('SIGHUP', forward);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
    });
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', forward).off('SIGHUP', forward);
  }
}

function mainModule(): string {
  const source = join(packageRoot, 'src/main.ts');
  const isInstalled = packageRoot.includes('node_modules');
  return isInstalled || !existsSync(source) ? join(packageRoot, 'dist/src/main.js') : source;
}
