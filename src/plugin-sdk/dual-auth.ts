import { NextResponse } from './next-server.ts';
import { principalOf } from './route-tree.ts';

/** Stands for the route contract's dual authentication: the host has done it before the plugin runs. */
export interface AuthResult {
  success: boolean;
  authenticated: boolean;
  type: 'session' | 'api-key' | 'none';
  user: AuthUser | null;
  session: { user: AuthUser } | null;
  scopes: readonly string[];
}

interface AuthUser {
  id: string;
  role: string | null;
  roles: readonly string[];
  permissions: readonly string[];
  departmentIds: readonly string[];
}

const NOBODY: AuthResult = {
  success: false,
  authenticated: false,
  type: 'none',
  user: null,
  session: null,
  scopes: [],
};

/** Who asks, of a request that a route handler was given. */
export async function authenticateRequest(request: Request): Promise<AuthResult> {
  const principal = principalOf(request);
  if (!principal || principal.type === 'anonymous') return NOBODY;
  const { id, roles, permissions, departmentIds, scopes } = principal;
  const user = { id, role: roles[0] ?? null, roles, permissions, departmentIds };
  const type = principal.type === 'user' ? 'session' : 'api-key';
  return { success: true, authenticated: true, type, user, session: { user }, scopes };
}

export const hasRequiredScope = (auth: AuthResult, scope: string): boolean =>
  auth.type === 'session' || auth.scopes.includes(scope) || auth.scopes.includes('*');

export const createAuthError = (error = 'Unauthorized', status = 401): NextResponse =>
  NextResponse.json({ success: false, error }, { status });
