import { WaymarkError } from '../model/errors.ts';
import { checkTarget } from '../outbound/fetch.ts';
import { OutboundError, type OutboundPolicy } from '../outbound/guard.ts';
import type { PluginPermissions } from '../registry/server-manifest/manifest.ts';
import { valueAt } from './callbacks/secret-of.ts';
import type { Config } from './contract/secrets-in-config.ts';

const ENDPOINT = '/endpoint';
const PREFIX = 'config:';

/**
 * Refuses a configuration that leads where the server sends nothing, before it is
 * written. A host that cannot be resolved now may be one later.
 *
 * @param permissions of its plugin: what of the configuration it sends to
 * @throws {WaymarkError} `INT_ENDPOINT_REFUSED`
 */
export async function checkEndpoints(
  config: Config,
  { http = [] }: PluginPermissions = {},
  outbound: OutboundPolicy,
): Promise<void> {
  const named = http.flatMap(({ hosts }) => hosts).filter((host) => host.startsWith(PREFIX));
  const pointers = new Set([ENDPOINT, ...named.map((host) => host.slice(PREFIX.length))]);
  for (const pointer of pointers) {
    const address = valueAt(config, pointer);
    // What is no URL is its schema's to refuse.
    if (typeof address === 'string' && URL.canParse(address)) {
      await checkEndpoint(pointer, address, outbound);
    }
  }
}

async function checkEndpoint(
  field: string,
  address: string,
  outbound: OutboundPolicy,
): Promise<void> {
  try {
    await checkTarget(address, outbound);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    if (error.code !== 'REFUSED') return;
    const message = `${field}: ${error.message}`;
    throw new WaymarkError('INT_ENDPOINT_REFUSED', message, { details: { field } });
  }
}
