import type { Client } from '../delivery/client.ts';
import type { Permission, Role } from './roles.ts';

/** Who asks, as its credential says. It is shared between requests: never changed. */
export interface Caller {
  kind: 'key' | 'client' | 'jwt' | 'anonymous';
  /** The API key's or the client's id; the user's name in an outside authority's token. */
  id: string;
  /** As the audit log names it: `user:<user>`, `key:<id>` or `client:<id>`. */
  actor: string;
  /** Null for a site admin, who is of no org. */
  org: string | null;
  user: string | null;
  teams: readonly string[];
  /** What it may do. Always `client` for a client. */
  roles: readonly Role[];
  /** What it may see: its own roles, or those of the key that enrolled it. */
  grantRoles: readonly Role[];
  permissions: ReadonlySet<Permission>;
  isSiteAdmin: boolean;
  /** Of kind `client`. */
  client?: Client;
}

/** Whoever calls a public route without a credential. */
export const ANONYMOUS: Caller = Object.freeze({
  kind: 'anonymous',
  id: '',
  actor: 'anonymous',
  org: null,
  user: null,
  teams: [],
  roles: [],
  grantRoles: [],
  permissions: new Set<Permission>(),
  isSiteAdmin: false,
});
