// fairlead doctor about the way to the server: where each address's way ends, who signed whose certificate, what the clocks say, what trust hangs on.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { shellWord } from '../../../shared/errors/entry.ts';
import { assertNever } from '../../../shared/errors/error.ts';
import type { Endpoint, Step } from '../../../shared/protocol/survey.ts';
import type { Finding } from './doctor-machine.ts';

/** Signatures of this install are good for two minutes, and the servers' own clocks drift too. */
const MOST_APART_MS = 60_000;
const DAY_MS = 86_400_000;
/** Whoever renews by hand needs so long. */
const SOON_MS = 14 * DAY_MS;
/** A ceremony brings several people together. */
const ROOT_SOON_MS = 30 * DAY_MS;

const USES: Readonly<Record<Endpoint['use'], string>> = {
  releases: 'signed releases can be fetched',
  reports: 'the server can be told and asked',
  mirror: 'the mirror has a copy',
};

/** `at` is this machine's clock. */
export function wayFindings(endpoints: readonly Endpoint[], at: number): readonly Finding[] {
  return [...endpoints.map(wayFinding), ...certificateFindings(endpoints, at), ...clockFindings(endpoints)];
}

function wayFinding(endpoint: Endpoint): Finding {
  const { use, url, failure, proxy, addresses, certificate, status } = endpoint;
  const { host } = new URL(url);
  const steps = [
    proxy === null ? 'without a proxy' : `through ${proxy}`,
    ...(addresses.length === 0 ? [] : [`at ${addresses.slice(0, 3).join(', ')}`]),
    ...(certificate === null ? [] : [`certificate signed by ${certificate.authority}`]),
    ...(status === null ? [] : [`answer ${status}`]),
  ];
  return {
    check: `${USES[use]}: ${host}, ${steps.join(', ')}`,
    problem: failure?.problem ?? null,
    remedy: failure === null ? '' : remedyOf(failure, endpoint),
  };
}

/** What to type, by where the way ends. */
function remedyOf({ step, code, hint }: NonNullable<Endpoint['failure']>, { url, proxy }: Endpoint): string {
  const { hostname, host, protocol, port } = new URL(url);
  const at = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  const known: Readonly<Record<Exclude<Step, 'settings' | 'answer'>, string>> = {
    name:
      proxy === null
        ? `getent ahosts ${shellWord(hostname)}; where a proxy is the only way out: fairlead agent network --proxy-file FILE`
        : 'the proxy’s own name leads nowhere; what was said of it: fairlead agent network',
    connection:
      proxy === null
        ? `let ${at} through the firewall; or name the proxy: fairlead agent network --proxy-file FILE`
        : `let ${new URL(proxy).host} through the firewall; what was said of the proxy: fairlead agent network`,
    proxy:
      code === 'transport/proxy-refused'
        ? hint
        : `allow CONNECT to ${at} at the proxy; or ask without it: fairlead agent network --direct ${shellWord(host)}`,
    certificate:
      'an authority of the company: fairlead agent network --ca FILE, or --system-ca; a certificate of one’s own to show: --client-cert FILE --client-key FILE; one that has ended its owner renews',
  };
  switch (step) {
    case 'settings':
    case 'answer':
      return code === 'transport/refused'
        ? 'ask the vendor whether this address is still its server’s'
        : hint;
    case 'name':
    case 'connection':
    case 'proxy':
    case 'certificate':
      return known[step];
    default:
      return assertNever(step);
  }
}

/** One that is believed, and not for long any more. */
function certificateFindings(endpoints: readonly Endpoint[], at: number): readonly Finding[] {
  const believed = endpoints.flatMap(({ failure, certificate }) =>
    failure?.step === 'certificate' || certificate === null ? [] : [certificate],
  );
  const [first] = believed.sort((a, b) => Date.parse(a.ends) - Date.parse(b.ends));
  if (first === undefined) return [];
  const days = Math.floor((Date.parse(first.ends) - at) / DAY_MS);
  return [
    {
      check: `the server’s certificate is good until ${first.ends}`,
      problem: Date.parse(first.ends) - at < SOON_MS ? `it ends in ${Math.max(days, 0)} days` : null,
      remedy: 'tell whoever runs the server, or the proxy that opens TLS, to renew it',
    },
  ];
}

function clockFindings(endpoints: readonly Endpoint[]): readonly Finding[] {
  const ahead = endpoints.flatMap(({ clockAheadMs }) => (clockAheadMs === null ? [] : [clockAheadMs]));
  // A proxy's own page has the proxy's time: of two that answer the nearer is the server's.
  const [nearest] = ahead.sort((a, b) => Math.abs(a) - Math.abs(b));
  if (nearest === undefined) return [];
  const seconds = Math.round(Math.abs(nearest) / 1000);
  const isApart = Math.abs(nearest) > MOST_APART_MS;
  return [
    {
      check: 'this clock and the server’s agree',
      problem: isApart
        ? `this one is ${seconds} seconds ${nearest > 0 ? 'ahead of' : 'behind'} the server’s`
        : null,
      remedy: 'timedatectl set-ntp true',
    },
  ];
}

/** Null before the first contact with the server: there is nothing to be said of it yet. */
export function rootFound(
  root: { readonly version: number; readonly expires: number } | null,
  at: number,
): Finding {
  if (root === null)
    return { check: 'the vendor’s root is trusted (not looked at yet)', problem: null, remedy: '' };
  const ends = formatInstant(root.expires);
  const leftMs = root.expires - at;
  return {
    check: `the vendor’s root ${root.version} is trusted until ${ends}`,
    problem:
      leftMs < 0 ? `it expired at ${ends}` : leftMs < ROOT_SOON_MS ? 'it ends within thirty days' : null,
    remedy: 'fairlead check; where that brings no newer one, ask the vendor to sign its root anew',
  };
}
