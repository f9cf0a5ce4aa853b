import { Command, CommanderError } from 'commander';
import { armFailpoints } from '../src/model/failpoint.ts';
import { type Cli, createCli, type World } from './cli.ts';
import { auditCommand } from './commands/audit.ts';
import { backupCommand } from './commands/backup.ts';
import { changeCommand } from './commands/change.ts';
import { diffCommand } from './commands/diff.ts';
import { enrolCommand } from './commands/enrol.ts';
import { initCommand } from './commands/init.ts';
import { integrationCommand } from './commands/integration.ts';
import { keyCommand } from './commands/key.ts';
import { keysCommand } from './commands/keys.ts';
import { loginCommand } from './commands/login.ts';
import { memberCommand } from './commands/member.ts';
import { orgCommand } from './commands/org.ts';
import { pluginCommand } from './commands/plugin.ts';
import { releaseCommand } from './commands/release.ts';
import { removeCommand } from './commands/remove.ts';
import { restoreCommand } from './commands/restore.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { secretCommand } from './commands/secret.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import { addCommand, syncCommand } from './commands/sync.ts';
import { upstreamCommand } from './commands/upstream.ts';
import { userCommand } from './commands/user.ts';
import { validateCommand } from './commands/validate.ts';
import { verifyCommand } from './commands/verify.ts';
import { ConflictError, EXIT, exitCodeOf, VerificationError } from './errors.ts';
import { describe, formatManual } from './help.ts';
import { exportCommand, importCommand } from './import/command.ts';
import { version } from './package.ts';

/** In the order of a first day with Waymark: this is also the order of `waymark --help`. */
const commands = [
  serveCommand,
  initCommand,
  validateCommand,
  diffCommand,
  importCommand,
  exportCommand,
  loginCommand,
  orgCommand,
  userCommand,
  memberCommand,
  keyCommand,
  secretCommand,
  upstreamCommand,
  pluginCommand,
  integrationCommand,
  keysCommand,
  auditCommand,
  backupCommand,
  restoreCommand,
  changeCommand,
  releaseCommand,
  enrolCommand,
  addCommand,
  removeCommand,
  syncCommand,
  statusCommand,
  verifyCommand,
  rollbackCommand,
];

/** Runs one command line, without the program's name. Answers the exit code; never throws. */
export async function runCli(argv: readonly string[], world: World): Promise<number> {
  let exitCode: number = EXIT.done;
  const cli = createCli(world, (code) => {
    exitCode = code;
  });
  const program = createProgram(cli);
  try {
    armFailpoints(world.environment.failpoints);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said what was wrong, or shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    reportError(error, world, program.opts<{ json?: boolean }>().json ?? false);
    return exitCodeOf(error);
  }
}

function createProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.world;
  const program = new Command('waymark')
    .summary('a release service for AI-agent plugins and configuration')
    .version(version)
    .option('--json', 'answer with one JSON value on standard output')
    .option('--url <url>', 'the server, such as https://waymark.example.com')
    .option('--org <org>', 'the organisation')
    .option('--token <key>', 'an API key; better given as WAYMARK_TOKEN')
    .option('--project <dir>', 'the project; default the nearest folder upwards that is enrolled')
    .configureHelp({ formatHelp: formatManual, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
    })
    .showHelpAfterError('(see --help)')
    .exitOverride();
  for (const register of commands) register(program, cli);
  return describe(program, {
    description: `
      Waymark turns a Git repository of YAML into a release service: every commit is a
      version, every tag a release, and every client gets exactly what it may have, signed,
      encrypted, and only what changed.

      Authors use init, validate, diff and change; release managers use release. Administrators
      use serve, org, user, member, key, secret and upstream. On a machine that installs plugins, enrol
      once, then add and sync.`,
    examples: [
      ['waymark serve', 'start a server here, with an example organisation'],
      ['waymark validate registry/', 'check a registry before pushing it'],
      ['waymark enrol && waymark add sales --target claude', 'install a plugin into a project'],
    ],
  });
}

function reportError(error: unknown, { stdout, stderr }: World, json: boolean): void {
  const { code, message, files } = factsOf(error);
  if (json) {
    stdout.write(
      `${JSON.stringify({ error: { code, message, ...(files && { files }) } }, null, 2)}\n`,
    );
    return;
  }
  const label = error instanceof VerificationError ? `${code}: ` : '';
  stderr.write(`waymark: ${label}${message}\n`);
  for (const file of files ?? []) stderr.write(`  ${file}\n`);
}

function factsOf(error: unknown): { code: string; message: string; files?: readonly string[] } {
  if (!(error instanceof Error)) return { code: 'FAILED', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const { message } = error;
  return error instanceof ConflictError
    ? { code: 'CONFLICT', message, files: error.files }
    : { code, message };
}
