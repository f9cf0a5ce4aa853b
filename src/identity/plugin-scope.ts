import { WaymarkError } from '../model/errors.ts';
import type { Caller } from './caller.ts';
import { seesEverything } from './roles.ts';

/** What lets an API key call the routes of one plugin. */
export type PluginScope = `plugin:${string}:${'read' | 'write'}`;

export const PLUGIN_SCOPE = '^plugin:[a-z0-9](?:-?[a-z0-9]){0,62}:(?:read|write)$';

const FORM = new RegExp(PLUGIN_SCOPE);

export const isPluginScope = (scope: string): scope is PluginScope => FORM.test(scope);

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
