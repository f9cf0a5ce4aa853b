import ipaddr from 'ipaddr.js';

/**
 * Where somebody calls from, for counting: an IPv4 address, or the /64 of an IPv6 one, since
 * whoever has one of those has all of its addresses.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return 'unknown';
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return parsed.toString();
  const network = parsed.toByteArray().fill(0, 8);
  return `${ipaddr.fromByteArray(network).toString()}/64`;
}
