import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  createPluginKey,
  PLUGIN_SIGNATURE,
  signPlugin,
} from '../../src/signing/plugin-signature.ts';
import { environmentOf } from '../config.ts';
import { Failure } from '../errors.ts';
import { mainModule } from '../run-service.ts';
import type { PackedPlugin } from './pack.ts';

/** A real server on a data directory that goes when it stops, with one plugin in its folder. */
export interface DevServer {
  url: string;
  org: string;
  /** Of a site administrator. */
  token: string;
  managementKey: string;
  /** Takes over another version; answers what keeps it from running. */
  put(packed: PackedPlugin): Promise<void>;
  /** Of the process. */
  ended: Promise<number | null>;
  stop(): Promise<void>;
}

export const DEV_ORG = 'acme';

/** @param onLine a line of the server's log: JSON */
export async function startDevServer(
  packed: PackedPlugin,
  { port, onLine }: { port: string; onLine: (line: string) => void },
): Promise<DevServer> {
  const dir = await mkdtemp(join(tmpdir(), 'waymark-plugin-'));
  const key = createPluginKey();
  const pluginsDir = join(dir, 'plugins');
  const dataDir = join(dir, 'data');
  const put = (one: PackedPlugin) => place(one, pluginsDir, key.privateKey);
  try {
    await put(packed);
    const child = spawn(process.execPath, [mainModule()], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environmentOf({
        WAYMARK_DATA_DIR: dataDir,
        WAYMARK_PORT: port,
        WAYMARK_EXAMPLE_ORG: DEV_ORG,
        WAYMARK_RATE_LIMIT: 'off',
        WAYMARK_PLUGINS_DIR: pluginsDir,
        WAYMARK_PLUGIN_KEYS: key.publicKey,
        // What an author tries a plugin against often runs beside it.
        WAYMARK_OUTBOUND_ALLOW: '127.0.0.1,::1,localhost',
      }),
    });
    const ended = once(child, 'close').then(([code]) => code as number | null);
    createInterface(child.stderr).on('line', onLine);
    const url = await listening(child, ended);
    const keyIn = async (name: string) => (await readFile(join(dataDir, name), 'utf8')).trim();
    return {
      url,
      org: DEV_ORG,
      token: await keyIn('admin-key'),
      managementKey: await keyIn('management-key'),
      put,
      ended,
      async stop() {
        child.kill('SIGTERM');
        await ended;
        await rm(dir, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

/** As one: a server that reads the folder meanwhile finds the old plugin or the new. */
async function place(packed: PackedPlugin, pluginsDir: string, privateKey: string): Promise<void> {
  const fresh = join(pluginsDir, `.${packed.id}`);
  const path = join(pluginsDir, packed.id);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  for (const [name, content] of packed.files) await writeFile(join(fresh, name), content);
  await writeFile(join(fresh, PLUGIN_SIGNATURE), signPlugin(packed.files, privateKey));
  await rm(path, { recursive: true, force: true });
  await rename(fresh, path);
}

async function listening(child: ChildProcess, ended: Promise<number | null>): Promise<string> {
  const lines = createInterface(child.stdout!);
  const found = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const [, url] = /^waymark listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
  const url = await Promise.race([found, ended]);
  if (typeof url === 'string') return url;
  throw new Failure(`the server did not start: it ended with ${url}`);
}
