import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { ConfigError } from './config.ts';

/**
 * Makes the data directory, for its owner alone, and holds it until this process
 * ends: artifacts and repositories have one writer. The lock is a socket name,
 * which the kernel takes back from a process that dies, so none is ever stale.
 *
 * @throws {ConfigError} when it cannot be made, or another server of this machine holds it
 */
export async function holdDataDir(dataDir: string): Promise<void> {
  await makeFolder(dataDir);
  const name = createHash('sha256')
    .update(await realpath(dataDir))
    .digest('hex');
  // Only Linux has names that need no file, and would not outlive a kill.
  if (process.platform === 'linux') await bind(`\0waymark-${name}`, dataDir);
}

async function makeFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dirname(dataDir), { recursive: true, mode: 0o700 });
    // By a call of its own: a recursive one never ends where nothing can be made, as in /proc.
    await mkdir(dataDir, { mode: 0o700 });
  } catch (cause) {
    const known = await stat(dataDir).catch(() => undefined);
    if (known?.isDirectory()) return;
    const { code } = cause as NodeJS.ErrnoException;
    throw new ConfigError(`WAYMARK_DATA_DIR ${dataDir} is no folder (${code})`, { cause });
  }
}

async function bind(name: string, dataDir: string): Promise<Server> {
  const lock = createServer((socket) => socket.destroy()).unref();
  lock.listen(name);
  await once(lock, 'listening').catch((cause: unknown) => {
    throw new ConfigError(`WAYMARK_DATA_DIR ${dataDir} is in use by another server`, { cause });
  });
  return lock;
}
