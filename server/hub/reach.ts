// Which addresses webhooks may reach: everybody's, and of one's own networks those that the operator names.
import { BlockList, isIP } from 'node:net';

/** What an address is refused for; null where it may be reached. */
export type Refusal = string | null;

export interface Reach {
  /** Of an address as a resolver or a URL gives it. `isSecure` is whether TLS is spoken with it. */
  refuse(address: string, isSecure: boolean): Refusal;
}

/**
 * IPv4: what IANA's registry of special-purpose addresses does not call globally reachable, and all multicast. What is
 * somebody's own is there: 169.254.169.254 answers with a machine's credentials.
 */
const NOT_GLOBAL_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
];

/**
 * IPv6: only 2000::/3 is handed out for global use, so all else is refused: ::1, ULA, link-local, multicast, ::ffff:0:0/96
 * (IPv4 mapped), 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64).
 */
const GLOBAL_V6 = ['2000::/3'];
/** Within it, what carries an IPv4 address that a relay would unpack (Teredo, 6to4), and what nobody has. */
const NOT_GLOBAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const LOOPBACK = listOf(['127.0.0.0/8', '::1/128']);
const BLOCKED_V4 = listOf(NOT_GLOBAL_V4);
const BLOCKED_V6 = listOf(NOT_GLOBAL_V6);
const OPEN_V6 = listOf(GLOBAL_V6);

/** `allowed`: addresses and networks of the operator's own that receivers may be in. */
export function createReach(allowed: readonly string[]): Reach {
  const own = listOf(allowed);
  return {
    refuse(address, isSecure) {
      const family = familyOf(address);
      if (family === null) return `${address} is no address that can be checked`;
      // A mapped address is an IPv4 address in disguise: under the operator's networks it stands in its own form only.
      const isOwn = !isMapped(address) && own.check(address, family);
      if (!isSecure && !(isOwn && LOOPBACK.check(address, family))) return 'it is not spoken with over TLS';
      return isOwn || isGlobal(address, family) ? null : `${address} is an address of an inner network`;
    },
  };
}

function isGlobal(address: string, family: 'ipv4' | 'ipv6'): boolean {
  if (family === 'ipv4') return !BLOCKED_V4.check(address, family);
  return OPEN_V6.check(address, family) && !BLOCKED_V6.check(address, family);
}

/** One with a zone, `fe80::1%eth0`, names a network of this machine: nobody outside has one. */
function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = address.includes('%') ? 0 : isIP(address);
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6';
}

const MAPPED = listOf(['::ffff:0:0/96']);

function isMapped(address: string): boolean {
  return address.includes(':') && MAPPED.check(address, 'ipv6');
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family);
  }
  return list;
}
