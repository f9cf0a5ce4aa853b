import type { Permission } from '../identity/roles.ts';
import { WaymarkError } from '../model/errors.ts';
import type { BindingEntry } from './binding-place.ts';
import { originsOf } from './callbacks/origins.ts';
import { referencesIn } from './references.ts';
import type { WrittenBinding } from './written-binding.ts';

/**
 * Whoever may not write secrets uses none that the binding does not have already, and sends none
 * elsewhere: to name one is enough to have the server hand it to any host.
 *
 * @throws {WaymarkError} `PERM_DENIED` for a `{secretRef}` that is new in its place,
 *   `INT_CREDENTIALS_REQUIRED` for one whose configuration now leads to another origin, or to none
 */
export function checkReferences(
  permissions: ReadonlySet<Permission>,
  before: BindingEntry | undefined,
  { config, credentials, origins }: Omit<WrittenBinding, 'plugin'>,
): void {
  if (permissions.has('secrets:write')) return;
  const parts = [
    [before?.config, config.config],
    [before?.credentials, credentials.config],
  ] as const;
  const known = originsOf(before?.config);
  // Nowhere is elsewhere too: from there a secret goes to whatever its plugin was granted.
  const isElsewhere =
    origins.some((origin) => !known.includes(origin)) || (known.length > 0 && origins.length === 0);
  for (const [old, next] of parts) {
    const kept = referencesIn(old);
    for (const [pointer, name] of referencesIn(next)) {
      if (kept.get(pointer) !== name) throw notTheirs(pointer);
      if (isElsewhere) throw notThere(pointer);
    }
  }
}

function notTheirs(pointer: string): WaymarkError {
  const message = `${pointer} names a secret, which needs the permission secrets:write`;
  return new WaymarkError('PERM_DENIED', message, { details: { permission: 'secrets:write' } });
}

function notThere(pointer: string): WaymarkError {
  const message = `${pointer}: its secret was not given for this address: give it anew`;
  const details = { field: pointer.slice(1) };
  return new WaymarkError('INT_CREDENTIALS_REQUIRED', message, { details });
}
