import { WaymarkError } from '../model/errors.ts';
import type { OrgNames } from './tenant.ts';

/**
 * Which organisation a request without a caller is about.
 *
 * @throws {WaymarkError} `VAL_ORG` for none, one of several left unnamed, or one that is not there
 */
export function orgFor(named: string | undefined, orgs: OrgNames): string {
  const [only, ...others] = orgs.slugs();
  const org = named ?? (others.length === 0 ? only : undefined);
  if (org !== undefined && orgs.has(org)) return org;
  const message = 'name an organisation of this site as `X-Waymark-Org`';
  throw new WaymarkError('VAL_ORG', message);
}
