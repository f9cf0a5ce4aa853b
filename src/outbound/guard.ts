import { lookup as systemLookup } from 'node:dns/promises';
import { type AllowList, canonicalHost, isNamed, mayConnect } from './address.ts';

/** Why nothing was sent, or nothing usable came back. The message names no address. */
export type OutboundFault =
  | 'REFUSED'
  | 'UNRESOLVED'
  | 'REDIRECTED'
  | 'TOO_LARGE'
  | 'TIMED_OUT'
  | 'FAILED';

export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly code: OutboundFault;

  constructor(code: OutboundFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Every address of a host, as the system's resolver gives them. */
export type Lookup = (host: string) => Promise<readonly { address: string }[]>;

export interface OutboundPolicy {
  allow: AllowList;
  /** The system's resolver when not given. */
  lookup?: Lookup;
}

/** A host and the addresses that were checked: whoever connects uses these and asks no resolver again. */
export interface Pinned {
  host: string;
  /** At least one. */
  addresses: readonly string[];
  /** The operator named it: plain http may be used. */
  isNamed: boolean;
}

const allOf: Lookup = (host) => systemLookup(host, { all: true });

/**
 * Resolves a host once and checks every address. One bad address refuses all:
 * which one a connection would take is not ours to say.
 *
 * @param text a name, or an address in any of its forms
 * @throws {OutboundError} `REFUSED`, `UNRESOLVED`
 */
export async function resolvePinned(text: string, policy: OutboundPolicy): Promise<Pinned> {
  const { allow, lookup = allOf } = policy;
  const { host, isAddress } = checkHost(text, allow);
  const addresses = isAddress ? [host] : await addressesOf(host, lookup);
  // A name may stand for this machine or its neighbours.
  if (!addresses.every((address) => mayConnect(address, host, allow))) throw refusedAddress();
  return {
    host,
    addresses,
    isNamed: addresses.every((address) => isNamed(address, host, allow)),
  };
}

/**
 * What can be said of a host without a resolver.
 *
 * @throws {OutboundError} `REFUSED`
 */
export function checkHost(text: string, allow: AllowList): { host: string; isAddress: boolean } {
  const found = canonicalHost(text);
  if (!found) throw new OutboundError('REFUSED', 'the host is no name and no address');
  if (found.isAddress && !mayConnect(found.host, found.host, allow)) throw refusedAddress();
  return found;
}

async function addressesOf(host: string, lookup: Lookup): Promise<string[]> {
  try {
    const found = await lookup(host);
    if (found.length > 0) return found.map(({ address }) => address);
  } catch (cause) {
    throw new OutboundError('UNRESOLVED', 'the host cannot be resolved', { cause });
  }
  throw new OutboundError('UNRESOLVED', 'the host has no address');
}

const refusedAddress = () =>
  new OutboundError(
    'REFUSED',
    'the host is not on the public internet: WAYMARK_OUTBOUND_ALLOW opens others',
  );
