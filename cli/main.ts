import { readEnvironment } from './config.ts';
import { runCli } from './program.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  environment: readEnvironment(),
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: Date.now,
});
