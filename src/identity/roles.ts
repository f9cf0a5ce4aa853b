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
export type Role = (typeof ROLES)[number];

export type Permission =
  | 'registry:read'
  | 'registry:write'
  | 'registry:main'
  | 'changes:read'
  | 'changes:write'
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
];
const editor: Permission[] = [
  ...viewer,
  'registry:write',
  'changes:write',
  'agents:enroll',
  'clients:read',
];
const publisher: Permission[] = [
  ...editor,
  'registry:main',
  'changes:merge',
  'releases:publish',
  'upstreams:read',
];
const admin: Permission[] = [
  ...publisher,
  'releases:block',
  'clients:write',
  'namespaces:manage',
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

const permissionsByRole: Record<Role, readonly Permission[]> = {
  owner: [...admin, 'keys:rotate'],
  admin,
  publisher,
  approver: viewer,
  editor,
  viewer,
  client: ['delivery:read'],
  auditor: [...viewer, 'audit:read', 'clients:read'],
};

export const permissionsOf = (roles: readonly Role[]): ReadonlySet<Permission> =>
  new Set(roles.flatMap((role) => permissionsByRole[role]));

/** Admins see every plugin whatever its grants say. */
export const seesEverything = (roles: readonly Role[]): boolean =>
  roles.includes('owner') || roles.includes('admin');
