// Where an address lies: a redirect from outside must not lead an agent to what only its own machine or network can reach.
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { isThisMachine } from '../encoding/hosts.ts';

export type Neighbourhood = 'loopback' | 'link-local' | 'private' | 'public';

const LISTS: readonly (readonly [Exclude<Neighbourhood, 'public'>, readonly string[], readonly string[]])[] =
  [
    // "This host" connects to loopback.
    ['loopback', ['127.0.0.0/8', '0.0.0.0/8'], ['::1/128', '::/128']],
    ['link-local', ['169.254.0.0/16'], ['fe80::/10']],
    [
      'private',
      [
        '10.0.0.0/8',
        '172.16.0.0/12',
        '192.168.0.0/16',
        '100.64.0.0/10',
        '198.18.0.0/15',
        '192.0.0.0/24',
        '224.0.0.0/3',
      ],
      // With the ways of writing an IPv4 address that a network may translate back.
      ['fc00::/7', 'fec0::/10', 'ff00::/8', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32'],
    ],
  ];

const BLOCKS = LISTS.map(([neighbourhood, v4, v6]) => {
  const block = new BlockList();
  for (const [family, nets] of [['ipv4', v4] as const, ['ipv6', v6] as const]) {
    for (const net of nets) {
      const [address = '', bits] = net.split('/');
      block.addSubnet(address, Number(bits), family);
    }
  }
  return { neighbourhood, block };
});

/** `address` is an IP address, as resolved or as written in a URL. */
export function neighbourhoodOf(address: string): Neighbourhood {
  const plain = unmapped(address);
  const family = isIPv4(plain) ? 'ipv4' : 'ipv6';
  return BLOCKS.find(({ block }) => block.check(plain, family))?.neighbourhood ?? 'public';
}

/** Of a host's name or address; names are resolved. Empty when it cannot be. */
export async function neighbourhoodsOf(host: string): Promise<ReadonlySet<Neighbourhood>> {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  if (isIP(name) !== 0) return new Set([neighbourhoodOf(name)]);
  const found = await lookup(name, { all: true }).catch((): LookupAddress[] => []);
  return new Set(found.map(({ address }) => neighbourhoodOf(address)));
}

/** From outside nobody is led to what this machine and its network alone can reach. */
export async function leadsInside(from: URL, to: URL): Promise<boolean> {
  if (to.origin === from.origin || isThisMachine(from.hostname)) return false;
  const [there, here] = await Promise.all([neighbourhoodsOf(to.hostname), neighbourhoodsOf(from.hostname)]);
  return [...there].some((one) => one !== 'public' && !here.has(one));
}

/** `::ffff:127.0.0.1` is 127.0.0.1 to every socket. */
function unmapped(address: string): string {
  const [plain = ''] = address.split('%');
  if (isIPv4(plain)) return plain;
  const canonical = URL.parse(`http://[${plain}]`)?.hostname ?? '';
  const match = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(canonical);
  if (match === null) return plain;
  const [high, low] = [match[1], match[2]].map((part) => Number.parseInt(part ?? '', 16));
  return [(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255].join('.');
}
