import type { Client } from '../delivery/client.ts';
import type { PluginScope } from '../model/permissions.ts';
import type { Permission, Role } from './roles.ts';

/** Who asks, as its credential says. It is shared between requests: never changed. */
export interface Caller {
  kind: 'key' | 'client' | 'user' | 'jwt' | 'anonymous';
  /** The API key's, the client's or the person's id; the user's name in an outside authority's token. */
  id: string;
  /** As the audit log names it: `user:<user>`, `jwt:<user>`, `key:<id>` or `client:<id>`. */
  actor: string;
  /** Null for a site admin's key, which is of no org, and for a person who has chosen none. */
  org: string | null;
  user: string | null;
  teams: readonly string[];
  /** What it may do. Always `client` for a client. */
  roles: readonly Role[];
  /** What it may see: its own roles, or those of the key that enrolled it. */
  grantRoles: readonly Role[];
  permissions: ReadonlySet<Permission>;
  /** A key's: what its roles allow counts only where it is one of these. Those of plugins add to it. */
  scopes?: ReadonlySet<Permission | PluginScope>;
  /** The roles of those that it rests on, a key's person or a client's enroller: more it never has. */
  within?: readonly (readonly Role[])[];
  isSiteAdmin: boolean;
  /** Of kind `client`. */
  client?: Client;
  /** A key that another made for its `user`: it acts for them, and is not them. */
  isProxy?: true;
  /**
   * Who else can act by a key, as the audit log names them: whoever made it, and, where that was a
   * key, who has that one and who made it.
   */
  makers?: readonly string[];
  /** Whose it is, of a person in the database: their own log-in, or a key of theirs. */
  userId?: string;
  /** Of an org's member. */
  departments?: readonly string[];
  /** Of kind `user`, by org: who the person is in each that they are a member of. */
  memberships?: ReadonlyMap<string, Caller>;
  /** Of a log-in by browser. */
  session?: { id: string; expiresAtMs: number };
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
