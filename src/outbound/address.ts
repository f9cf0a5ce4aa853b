import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** With how many of its first bits count. */
export type Network = readonly [Address, number];

/** What `WAYMARK_OUTBOUND_ALLOW` opens beyond the public internet. */
export interface AllowList {
  /** Lower case. Their addresses may be private. */
  hosts: ReadonlySet<string>;
  networks: readonly Network[];
}

export const NOTHING_ALLOWED: AllowList = { hosts: new Set(), networks: [] };

/** Where clouds keep the machine's own credentials: nothing opens them. */
const METADATA = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
]);
/** Not the address of one machine: nothing opens them either. */
const NEVER = new Set(['unspecified', 'multicast', 'broadcast']);

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Each holds an IPv4 address, which is what is connected to in the end: its first byte's place. */
const EMBEDDINGS: [[ipaddr.IPv6, number], number][] = [
  [ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), 12],
  [ipaddr.IPv6.parseCIDR('::/96'), 12],
  [ipaddr.IPv6.parseCIDR('64:ff9b::/96'), 12],
  [ipaddr.IPv6.parseCIDR('2002::/16'), 2],
];
/** Of translators inside a network: an IPv4 address at the end, but no public one. */
const TRANSLATED = ['64:ff9b:1::/48', '::ffff:0:0:0/96'].map((text) => ipaddr.IPv6.parseCIDR(text));

/**
 * @param text hosts, addresses and networks (`git.internal,10.1.0.0/16,fd12::/48`)
 * @throws {RangeError} for an entry that is none of them
 */
export function parseAllowList(text: string): AllowList {
  const hosts = new Set<string>();
  const networks: Network[] = [];
  for (const entry of entriesOf(text)) {
    const network = networkIn(entry);
    if (network) networks.push(network);
    else if (isHostName(entry)) hosts.add(entry);
    else throw new RangeError(`${entry} is no host, address or network`);
  }
  return { hosts, networks };
}

/**
 * @param text addresses and networks (`10.1.0.0/16,fd12::7`), in no other form than the usual one
 * @throws {RangeError} for an entry that is neither
 */
export function parseNetworks(text: string): Network[] {
  return entriesOf(text).map((entry) => {
    // `010.0.0.1` would be read as 8.0.0.1.
    const network = isIP(entry.replace(/\/.*$/, '')) === 0 ? undefined : networkIn(entry);
    if (network) return network;
    throw new RangeError(`${entry} is no address or network`);
  });
}

const entriesOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((entry) => entry !== '');

function networkIn(entry: string): Network | undefined {
  if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
  return ipaddr.isValid(entry) ? wholeNetwork(ipaddr.process(entry)) : undefined;
}

const wholeNetwork = (address: Address): Network => [address, address.kind() === 'ipv4' ? 32 : 128];

/** One in its usual form alone; an IPv4 address that is written as an IPv6 one is itself. */
export const parseAddress = (text: string): Address | undefined =>
  isIP(text) === 0 ? undefined : ipaddr.process(text);

const isHostName = (text: string): boolean =>
  text.length <= 253 &&
  /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(text);

/**
 * A host as it is compared and connected to: a name in lower case without its
 * last dot, or an address in its usual form, also of `0x7f.1` or `[::1]`.
 * Undefined when it is neither.
 */
export function canonicalHost(text: string): { host: string; isAddress: boolean } | undefined {
  const bare = text
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
    .replace(/\.$/, '');
  // A scope such as `%eth0` is of this machine alone.
  if (bare.includes('%')) return undefined;
  if (ipaddr.isValid(bare)) return { host: ipaddr.parse(bare).toString(), isAddress: true };
  return isHostName(bare) ? { host: bare, isAddress: false } : undefined;
}

/** Whether the server may connect to an address that a host was found to have. */
export function mayConnect(address: string, host: string, allow: AllowList): boolean {
  if (!ipaddr.isValid(address) || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  const meant = meantAddress(parsed);
  const range: string = meant.range();
  if ([meant, translated(parsed)].some((one) => METADATA.has(one.toString())) || NEVER.has(range)) {
    return false;
  }
  return isPublic(meant, range) || allow.hosts.has(host) || isIn(meant, allow.networks);
}

/** Whether the operator has named the host or the address, which also opens plain http. */
export function isNamed(address: string, host: string, allow: AllowList): boolean {
  return allow.hosts.has(host) || isIn(meantAddress(ipaddr.parse(address)), allow.networks);
}

function meantAddress(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  // `::1` is in `::/96` and means itself.
  if (address.range() === 'loopback' || address.range() === 'unspecified') return address;
  const found = EMBEDDINGS.find(([network]) => address.match(network));
  return found ? embedded(address, found[1]) : address;
}

const translated = (address: Address): Address =>
  address instanceof ipaddr.IPv6 && isIn(address, TRANSLATED) ? embedded(address, 12) : address;

const embedded = (address: ipaddr.IPv6, at: number): ipaddr.IPv4 =>
  new ipaddr.IPv4(address.toByteArray().slice(at, at + 4));

const isPublic = (address: Address, range: string): boolean =>
  range === 'unicast' && (!(address instanceof ipaddr.IPv6) || address.match(GLOBAL_UNICAST));

export const isIn = (address: Address, networks: readonly Network[]): boolean =>
  networks.some(
    ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
  );
