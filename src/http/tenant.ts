import type { Caller } from '../identity/caller.ts';
import type { OrgPolicy } from '../identity/org-policy.ts';
import type { Permission } from '../identity/roles.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';

/** The orgs that are there, as the routes need to know them. */
export interface OrgNames {
  has(slug: string): boolean;
  slugs(): readonly string[];
  /** What its registry says of roles and departments; undefined before one is served. */
  policy?(slug: string): OrgPolicy | undefined;
}

/** As `X-Waymark-Org`: the site itself, which its administrators act in. */
export const SITE = '*';

/** An org that is another's answers as one that is nowhere. */
export const noSuchOrg = (slug: string): WaymarkError =>
  new WaymarkError('RES_NOT_FOUND', `there is no organisation ${slug}`);

/** @throws {WaymarkError} `RES_NOT_FOUND` when the org is not there, or not the caller's */
export function checkOrg(caller: Caller, slug: string, orgs: OrgNames): void {
  const isOwn = caller.isSiteAdmin || caller.org === slug || caller.memberships?.has(slug);
  if (!isOwn || !orgs.has(slug)) throw noSuchOrg(slug);
}

/** Who the caller is in this org, which is theirs: a person has other roles in each. */
export const callerIn = (caller: Caller, slug: string): Caller =>
  caller.memberships?.get(slug) ?? caller;

/**
 * The org that a call to `/api/v1` is about: the caller's own; a site admin, or a member of
 * several, names one by `X-Waymark-Org`, which may be left out where there is only one.
 */
export function orgOf(caller: Caller, named: string | undefined, orgs: OrgNames): string {
  const slug = named ?? caller.org ?? onlyOne(orgsOf(caller, orgs));
  if (slug === SITE && caller.isSiteAdmin) return SITE;
  checkOrg(caller, slug, orgs);
  return slug;
}

/** Nobody hears of an org that they are not in. */
function orgsOf({ isSiteAdmin, memberships }: Caller, orgs: OrgNames): readonly string[] {
  if (isSiteAdmin || !memberships) return orgs.slugs();
  if (memberships.size > 0) return [...memberships.keys()];
  throw new WaymarkError('PERM_DENIED', 'you are a member of no organisation: ask to be added');
}

function onlyOne(slugs: readonly string[]): string {
  const [slug] = slugs;
  if (slug !== undefined && slugs.length === 1) return slug;
  throw invalidField('X-Waymark-Org', `name one of the ${slugs.length} organisations`, 'required');
}

/** Of several, any one. @throws {WaymarkError} `PERM_DENIED` */
export function checkPermission(
  { permissions }: Caller,
  permission: Permission | readonly Permission[],
): void {
  const sufficient = [permission].flat();
  if (sufficient.some((one) => permissions.has(one))) return;
  const needed = sufficient.join(' or ');
  const message = `this needs the permission ${needed}: ask an administrator of your organisation`;
  throw new WaymarkError('PERM_DENIED', message, { details: { permission } });
}
