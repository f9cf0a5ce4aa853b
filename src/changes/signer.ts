import type { OrgRuntime } from '../delivery/runtime.ts';

/**
 * Where commits must be signed, those that are made for people are, by the org's
 * release key; undefined elsewhere.
 */
export function signerOf(runtime: OrgRuntime, atSec: number) {
  if (!runtime.protection.signedCommits) return undefined;
  const at = new Date(atSec * 1000);
  return (payload: string) => runtime.keyring.signTagPayload(payload, at);
}
