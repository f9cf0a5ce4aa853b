import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { environmentWith } from './config.ts';
import { packageRoot } from './package.ts';

/**
 * The service in a process of its own, so that this program never opens a database. Answers its
 * exit code.
 *
 * @param settings of its environment; undefined leaves one as it is here
 */
export async function runService(
  args: readonly string[],
  settings: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const child = spawn(process.execPath, [mainModule(), ...args], {
    stdio: 'inherit',
    env: environmentWith(settings),
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

export function mainModule(): string {
  const source = join(packageRoot, 'src/main.ts');
  const isInstalled = packageRoot.includes('node_modules');
  return isInstalled || !existsSync(source) ? join(packageRoot, 'dist/src/main.js') : source;
}
