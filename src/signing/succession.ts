import type { OrgKey } from './keys.ts';
import type { RootDocument } from './root-document.ts';

/** What a rotation makes of an org's keys. */
export interface Succession {
  /** For the next root to list. */
  listed: readonly OrgKey[];
  /** Fingerprints that are in use until then. */
  retire: readonly string[];
}

export interface SuccessionTerms {
  /** New keys, at most one a role; they replace the one in use. */
  added: readonly OrgKey[];
  at: string;
  /** The replaced keys are not to be trusted: retired ones of those roles are not listed any more. */
  compromised: boolean;
}

/** @param previous the newest root: a key that it does not list never comes back */
export function succeedKeys(
  stored: readonly OrgKey[],
  previous: RootDocument,
  { added, at, compromised }: SuccessionTerms,
): Succession {
  const roles = new Set(added.map(({ role }) => role));
  const isReplaced = ({ role, retiredAt }: OrgKey) => retiredAt === null && roles.has(role);
  // In the order of before, the one in use last: two that were made in one second have no other.
  const known = Object.keys(previous.keys)
    .flatMap((id) => stored.find(({ fingerprint }) => fingerprint === id) ?? [])
    .map((key) => (isReplaced(key) ? { ...key, retiredAt: at } : key));
  const isKept = ({ role, retiredAt }: OrgKey) =>
    retiredAt === null || !(compromised && roles.has(role));
  return {
    listed: [...known.filter(isKept), ...added],
    retire: stored.filter(isReplaced).map(({ fingerprint }) => fingerprint),
  };
}
