import { WaymarkError } from '../../model/errors.ts';
import { canonicalHost } from '../../outbound/address.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import { type CallRecord, configOf } from './call-records.ts';
import { originOf } from './origins.ts';
import { secretOf, valueAt } from './secret-of.ts';

const CONFIGURED = 'config:';

/**
 * Whether the plugin was granted the host and the method.
 *
 * @throws {WaymarkError} `PLG_CALLBACK_REFUSED`
 */
export async function checkAllowed(
  url: URL,
  method: string,
  record: CallRecord,
  secrets: BindingSecrets,
): Promise<void> {
  const { guest, grants } = record;
  if (!guest.hasNetwork) {
    throw refused('a server part that is unsigned or unreleased has no network');
  }
  for (const { hosts, methods } of guest.manifest.permissions.http ?? []) {
    if (methods && !methods.some((one) => one.toUpperCase() === method)) continue;
    for (const host of hosts) {
      if (grants.has(`http:${host}`) && (await matches(host, url, record, secrets))) return;
    }
  }
  throw refused(`${method} to ${url.host} is not granted to this plugin`);
}

async function matches(
  host: string,
  url: URL,
  record: CallRecord,
  secrets: BindingSecrets,
): Promise<boolean> {
  if (host.startsWith(CONFIGURED)) {
    const configured = await configuredUrl(host.slice(CONFIGURED.length), record, secrets);
    // With its port: the neighbour on another one is not what was configured.
    return configured !== undefined && new URL(configured).host === url.host;
  }
  const found = canonicalHost(url.hostname);
  if (!found) return false;
  if (!host.startsWith('*.')) return canonicalHost(host)?.host === found.host;
  return !found.isAddress && found.host.endsWith(host.slice(1).toLowerCase());
}

/** Its origin, whether the URL stands there as it is or is itself a secret. */
async function configuredUrl(
  pointer: string,
  record: CallRecord,
  secrets: BindingSecrets,
): Promise<string | undefined> {
  const value = valueAt(configOf(record), pointer);
  if (typeof value === 'string') return originOf(value);
  if (value === undefined) return undefined;
  return originOf((await secretOf(secrets, record, pointer.replace(/^\//, ''))) ?? '');
}

const refused = (message: string) => new WaymarkError('PLG_CALLBACK_REFUSED', message);
