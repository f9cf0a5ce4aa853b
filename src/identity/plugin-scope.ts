import { WaymarkError } from '../model/errors.ts';
import type { PluginScope } from '../model/permissions.ts';
import type { Caller } from './caller.ts';
import { seesEverything } from './roles.ts';

/**
 * Whether a credential covers the scope. A person's log-in and an outside authority's token are the
 * person: they need none. Of keys without a list, an administrator's has all of them, for no other
 * role says anything of plugins.
 */
export function hasPluginScope(
  { kind, isSiteAdmin, roles, within = [], scopes }: Caller,
  scope: PluginScope,
): boolean {
  if (kind === 'user' || kind === 'jwt') return true;
  if (kind !== 'key') return false;
  if (scopes) return scopes.has(scope);
  return isSiteAdmin || [roles, ...within].every(seesEverything);
}

/** @throws {WaymarkError} `PERM_DENIED` */
export function checkPluginScope(caller: Caller, scope: PluginScope): void {
  if (hasPluginScope(caller, scope)) return;
  const message =
    caller.kind === 'client'
      ? 'a client’s token is for delivery alone: use an API key'
      : `this needs a key with the scope ${scope}`;
  throw new WaymarkError('PERM_DENIED', message, { details: { scope } });
}
