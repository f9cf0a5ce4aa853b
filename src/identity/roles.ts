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
  | 'releases:read'
  | 'releases:publish'
  | 'releases:block'
  | 'delivery:read'
  | 'clients:read'
  | 'clients:write'
  | 'agents:enroll'
  | 'api-keys:read'
  | 'api-keys:write'
  | 'audit:read'
  | 'keys:rotate'
  | 'sites:manage';

const viewer: Permission[] = ['delivery:read', 'releases:read', 'registry:read'];
const editor: Permission[] = [...viewer, 'registry:write', 'agents:enroll', 'clients:read'];
const publisher: Permission[] = [...editor, 'registry:main', 'releases:publish'];
const admin: Permission[] = [
  ...publisher,
  'releases:block',
  'clients:write',
  'api-keys:read',
  'api-keys:write',
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
