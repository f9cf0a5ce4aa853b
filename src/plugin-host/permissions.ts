import type { PluginPermissions } from '../registry/server-manifest/manifest.ts';

/**
 * What `plugin.json` asks to be allowed, one string each: `http:<host>`, `kv`,
 * `secrets:<field>`, `read:<resource>`, `model`, `publicRoutes`.
 */
export function requestedBy(asked: PluginPermissions): string[] {
  const { http = [], secrets = [], read = [] } = asked;
  const hosts = new Set(http.flatMap((one) => one.hosts));
  return [
    ...[...hosts].map((host) => `http:${host}`),
    ...(asked.kv ? ['kv'] : []),
    ...secrets.map((field) => `secrets:${field}`),
    ...read.map((resource) => `read:${resource}`),
    ...(asked.model ? ['model'] : []),
    ...(asked.publicRoutes ? ['publicRoutes'] : []),
  ];
}

/** Whether grants cover a permission: itself, or as `http`, `secrets` and `read` all of their kind. */
export const isGranted = (permission: string, grants: readonly string[]): boolean =>
  grants.includes(permission) || grants.includes(permission.replace(/:.*$/s, ''));

/** What is asked for and not granted: `PLG_PERMISSIONS`. */
export const missingGrants = (requested: readonly string[], grants: readonly string[]): string[] =>
  requested.filter((permission) => !isGranted(permission, grants));

/** What of it a server part has, where grants cover a part only. */
export function grantedOf(asked: PluginPermissions, grants: readonly string[]): PluginPermissions {
  const has = (permission: string) => isGranted(permission, grants);
  const http = (asked.http ?? []).map(({ hosts, ...rest }) => ({
    ...rest,
    hosts: hosts.filter((host) => has(`http:${host}`)),
  }));
  return {
    http: http.filter(({ hosts }) => hosts.length > 0),
    secrets: (asked.secrets ?? []).filter((field) => has(`secrets:${field}`)),
    read: (asked.read ?? []).filter((resource) => has(`read:${resource}`)),
    kv: asked.kv === true && has('kv'),
    model: asked.model === true && has('model'),
    publicRoutes: asked.publicRoutes === true && has('publicRoutes'),
  };
}
