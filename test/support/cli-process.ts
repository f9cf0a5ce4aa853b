import { readEnvironment } from '../../cli/config.ts';
import { runCli } from '../../cli/program.ts';

/** The program as a process of its own that can be killed, with a clock that a test sets. */
process.exitCode = await runCli(process.argv.slice(2), {
  environment: readEnvironment(),
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: () => Number(process.env['TEST_NOW_MS']),
});
