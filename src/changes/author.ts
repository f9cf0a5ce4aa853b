import type { Signature } from '../git/commit.ts';

/** Who commits for people. */
export const WAYMARK = { name: 'Waymark', email: 'waymark@waymark.invalid' };

/**
 * How git names an actor of the audit log. Only a user's name that is an address
 * is taken for one: no mail may go to somebody who merely could exist.
 */
export function authorOf(actor: string): Omit<Signature, 'atSec'> {
  const [, kind = '', id = ''] = /^(\w+):(.*)$/.exec(actor) ?? [];
  if (kind === 'user' && /^[^\s<>@]+@[^\s<>@]+$/.test(id)) return { name: id, email: id };
  const place = id.replace(/[^\w.-]+/g, '-') || 'unknown';
  return {
    name: kind === 'user' ? id : actor,
    email: `${place}@${kind || 'nobody'}.waymark.invalid`,
  };
}
