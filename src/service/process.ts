import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { RestoreRefused } from '../backup/refused.ts';
import { type Config, ConfigError, readConfig } from '../config/config.ts';
import { holdDataDir } from '../config/data-dir.ts';
import { createLog } from '../config/log.ts';
import { findSecret } from '../config/secret-file.ts';
import { greeting } from '../http/greeting.ts';
import { listen } from '../http/listen.ts';
import { createHttpServer } from '../http/server.ts';
import { WaymarkError } from '../model/errors.ts';
import { openService } from './open.ts';
import { restoreSite } from './restore.ts';
import { adminKeyFile } from './site.ts';

async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  await holdDataDir(config.dataDir);
  const service = await openService(config, { log, clock: Date.now });
  const server = createHttpServer(service);
  const url = await listen(server, config);
  const servers = [server];
  if (config.metricsPort !== null) {
    const metrics = createServer(service.metricsApp);
    const at = await listen(metrics, { host: config.host, port: config.metricsPort });
    log.info({ url: `${at}/metrics` }, 'metrics have a port of their own');
    servers.push(metrics);
  }
  // Before the line that says so: whoever waits for it may stop the server at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      service.stop(servers).then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ error }, 'stopping failed');
          process.exit(1);
        },
      );
    });
  }
  console.log(`waymark listening on ${url}`);
  await greet(config, service, url);
}

async function greet(
  config: Config,
  { runtimes, generatedKey }: Awaited<ReturnType<typeof openService>>,
  url: string,
): Promise<void> {
  if (generatedKey !== null) console.log(`admin key, shown this once: ${generatedKey}`);
  const [runtime] = runtimes.all();
  const [plugin] = runtime?.maybeView?.published.records.keys() ?? [];
  if (!runtime || !plugin) return;
  const file = adminKeyFile(config);
  const isThere = (await findSecret(file)) !== undefined;
  const shown = config.publicUrl ?? url;
  const org = runtime.org.slug;
  console.log(greeting({ url: shown, org, plugin, keyFile: isThere ? file : undefined }));
}

/** `main.ts restore <archive> [--passphrase-file <file>]`, as `waymark restore` starts it. */
async function restore(config: Config, args: string[]): Promise<void> {
  const options = { 'passphrase-file': { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [file = ''] = positionals;
  const order = { file, passphraseFile: values['passphrase-file'] };
  const { manifest } = await restoreSite(config, order, Date.now);
  const orgs = Object.keys(manifest.repositories).length;
  console.log(`restored ${orgs} organisations as of ${manifest.createdAt} to ${config.dataDir}`);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof RestoreRefused && error.reason === 'damaged') return 4;
  return error instanceof ConfigError || error instanceof RestoreRefused ? 2 : 1;
}

/**
 * The server, until a signal ends it; or `restore <archive>`. Ends the process where it fails.
 *
 * @param argv without the program's own name
 */
export async function runProcess([command, ...args]: string[]): Promise<void> {
  try {
    const config = readConfig();
    await (command === 'restore' ? restore(config, args) : serve(config));
  } catch (error) {
    // What an operator can mend is told in a sentence; a bug with all that is known of it.
    const isPlain = [ConfigError, RestoreRefused, WaymarkError].some(
      (kind) => error instanceof kind,
    );
    console.error(isPlain ? `waymark: ${(error as Error).message}` : error);
    process.exit(exitCodeOf(error));
  }
}
