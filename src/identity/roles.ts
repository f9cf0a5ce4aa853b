export const ROLES = [
  'owner',
  'admin',
  'publisher',
  'approver',
  'editor',
  'viewer',
  'client',
  'auditor',
] as const;
export type BuiltInRole = (typeof ROLES)[number];
/** One of the above, or of the org's own, which `registry.yaml` defines. */
export type Role = BuiltInRole | (string & {});

/** The form of a role's name, built-in or not. */
export const ROLE_NAME = '^[a-z0-9](-?[a-z0-9]){0,62}$';

export const isBuiltIn = (role: string): role is BuiltInRole =>
  (ROLES as readonly string[]).includes(role);

export type Permission =
  | 'registry:read'
  | 'registry:write'
  | 'registry:main'
  | 'changes:read'
  | 'changes:write'
  | 'changes:review'
  | 'changes:merge'
  | 'releases:read'
  | 'releases:publish'
  | 'releases:block'
  | 'delivery:read'
  | 'clients:read'
  | 'clients:write'
  | 'agents:enroll'
  | 'namespaces:read'
  | 'namespaces:manage'
  | 'integrations:read'
  | 'integrations:write'
  | 'integrations:delete'
  | 'plugins:read'
  | 'plugins:manage'
  | 'tools:read'
  | 'tools:write'
  | 'departments:read'
  | 'members:read'
  | 'members:write'
  | 'api-keys:read'
  | 'api-keys:write'
  | 'feed-tokens:read'
  | 'feed-tokens:write'
  | 'secrets:read'
  | 'secrets:write'
  | 'upstreams:read'
  | 'upstreams:write'
  | 'audit:read'
  | 'keys:rotate'
  | 'sites:manage';

const viewer: Permission[] = [
  'delivery:read',
  'releases:read',
  'registry:read',
  'changes:read',
  'namespaces:read',
  'departments:read',
  'integrations:read',
  'plugins:read',
  'tools:read',
];
const author: Permission[] = [
  ...viewer,
  'registry:write',
  'changes:write',
  'clients:read',
  'tools:write',
];
const publisher: Permission[] = [
  ...author,
  'registry:main',
  'changes:review',
  'changes:merge',
  'releases:publish',
  'upstreams:read',
];
const admin: Permission[] = [
  ...publisher,
  'agents:enroll',
  'releases:block',
  'clients:write',
  'namespaces:manage',
  'integrations:write',
  'integrations:delete',
  'plugins:manage',
  'members:read',
  'members:write',
  'api-keys:read',
  'api-keys:write',
  'feed-tokens:read',
  'feed-tokens:write',
  'secrets:read',
  'secrets:write',
  'upstreams:write',
  'audit:read',
];

const permissionsByRole: Record<BuiltInRole, readonly Permission[]> = {
  owner: [...admin, 'keys:rotate'],
  admin,
  publisher,
  approver: [...viewer, 'changes:review'],
  editor: [...author, 'agents:enroll'],
  viewer,
  client: ['delivery:read'],
  auditor: [...viewer, 'audit:read', 'clients:read'],
};

/** What the built-in of these roles allow; an org's own are added where the org is known. */
export const permissionsOf = (roles: readonly Role[]): ReadonlySet<Permission> =>
  new Set(roles.filter(isBuiltIn).flatMap((role) => permissionsByRole[role]));

/** Admins see every plugin whatever its grants say. */
export const seesEverything = (roles: readonly Role[]): boolean =>
  roles.includes('owner') || roles.includes('admin');
