// How this machine reaches its server: what an administrator has said in a file of root's, else what the environment says.
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { createSecureContext, getCACertificates } from 'node:tls';
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { parseCertificates } from '../../../shared/node/certificates.ts';
import { writeDurably } from '../../../shared/node/durable-file.ts';
import { type Proxies, readProxies } from '../../../shared/node/proxies.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { mirrorUrl } from '../../../shared/schema/mirrors.ts';
import { parseDocumentBytes, SECRET } from '../../../shared/schema/parse-document.ts';

/** Each may be waited for before the next is asked. */
export const MOST_MIRRORS = 10;

/** Whole, with secrets: it is readable by its owner alone, and nothing of it is on a command line or in an environment. */
export const networkFile = z
  .strictObject({
    schema: z.literal('fairlead/network@1'),
    /** With user and password where it asks for them. */
    proxy: z.string().optional(),
    /** As in NO_PROXY. */
    noProxy: z.string().optional(),
    /** Certificates in PEM that are believed besides. */
    ca: z.string().optional(),
    /** Those of the machine's own store are believed too. */
    systemCa: z.boolean().optional(),
    clientCert: z.string().optional(),
    clientKey: z.string().optional(),
    /** Copies of the vendor's repository, in place of those that its signed list has; none of either where it is empty. */
    mirrors: z
      .array(mirrorUrl(/^https?$/, 'an http or https URL'))
      .max(MOST_MIRRORS)
      .optional(),
  })
  .meta({ [SECRET]: true });
export type NetworkFile = z.output<typeof networkFile>;

export interface Network {
  readonly proxies: Proxies;
  /** As `tls.connect` takes it; empty is what Node does by itself. */
  readonly tls: { readonly ca?: readonly string[]; readonly cert?: string; readonly key?: string };
  /** As the operator named them; null where nothing was said, and the vendor's signed list counts. */
  readonly mirrors: readonly string[] | null;
  /** Why nobody may be asked at all: what was said cannot be read, and another way is not what was meant. */
  readonly problem: string | null;
}

export function networkPathOf(stateDir: string): string {
  return join(stateDir, 'network.json');
}

/** Null where nothing was said. Errors: transport/network-invalid, disk/unreadable. */
export async function readNetworkFile(stateDir: string): Promise<NetworkFile | null> {
  const path = networkPathOf(stateDir);
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseNetworkFile(path, bytes);
}

/** Error: transport/network-invalid. */
function parseNetworkFile(path: string, bytes: Uint8Array): NetworkFile {
  try {
    const said = parseDocumentBytes(networkFile, bytes, path);
    verifyNetworkFile(path, said);
    return said;
  } catch (cause) {
    if (!isFairleadError(cause) || cause.code === 'transport/network-invalid') throw cause;
    // Never begun anew by whoever adds to it: what it held may be the one way out, and stands nowhere else.
    throw new FairleadError('transport/network-invalid', { path, problem: cause.message }, { cause });
  }
}

/** Never fails: an agent that cannot read how to reach its server goes on without it, and says so at each question. */
export async function readNetwork(stateDir: string, environment: NodeJS.ProcessEnv): Promise<Network> {
  try {
    return networkOf(environment, await readNetworkFile(stateDir));
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    const isInvalid = isFairleadError(error, 'transport/network-invalid');
    return { ...networkOf(environment), problem: isInvalid ? error.data.problem : error.message };
  }
}

/** The file names its own proxy, or leaves that to the environment; who is left out goes with whoever names the proxy. */
export function networkOf(environment: NodeJS.ProcessEnv, said: NetworkFile | null = null): Network {
  if (said === null) return { proxies: readProxies(environment), tls: {}, mirrors: null, problem: null };
  const { proxy, noProxy, ca, systemCa, clientCert: cert, clientKey: key } = said;
  const own =
    proxy === undefined
      ? { ...environment, ...(noProxy === undefined ? {} : { no_proxy: noProxy }) }
      : { http_proxy: proxy, https_proxy: proxy, no_proxy: noProxy };
  return {
    proxies: readProxies(own),
    tls: {
      ...(ca === undefined && systemCa !== true ? {} : { ca: believed(ca, systemCa) }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    mirrors: said.mirrors ?? null,
    problem: null,
  };
}

/** Naming one's own takes Node's away, so those are named with it. */
function believed(ca: string | undefined, systemCa: boolean | undefined): readonly string[] {
  return [
    ...getCACertificates('default'),
    ...(systemCa === true ? getCACertificates('system') : []),
    ...(ca === undefined ? [] : [ca]),
  ];
}

/** Before anything is written: what cannot be used is said to whoever types it. Errors: transport/network-invalid, disk/*. */
export async function writeNetworkFile(stateDir: string, said: NetworkFile): Promise<void> {
  const path = networkPathOf(stateDir);
  const bytes = utf8(`${JSON.stringify(said, null, 2)}\n`);
  // By the very reading that it gets later.
  parseNetworkFile(path, bytes);
  await writeDurably(path, bytes);
}

/** Also of what a hand wrote: a slip in it is named once, and not by whatever fails of it later. Error: transport/network-invalid. */
function verifyNetworkFile(path: string, said: NetworkFile): void {
  const refuse = (problem: string, cause?: unknown) =>
    new FairleadError('transport/network-invalid', { path, problem }, { cause });
  const [slip] = readProxies({ https_proxy: said.proxy }).slips;
  if (slip !== undefined) throw refuse(`proxy: ${slip.problem}`);
  const { ca, clientCert: cert, clientKey: key } = said;
  const trials: readonly (readonly [problem: string, attempt: () => unknown])[] = [
    ['ca: ', () => ca === undefined || parseCertificates(ca)],
    ['clientCert: ', () => cert === undefined || parseCertificates(cert)],
    ['clientKey: it is no key in PEM without a passphrase', () => key === undefined || createPrivateKey(key)],
    [
      'clientKey: it is not the key of clientCert',
      () => cert === undefined || key === undefined || createSecureContext({ cert, key }),
    ],
  ];
  for (const [problem, attempt] of trials) {
    try {
      attempt();
    } catch (cause) {
      const more = problem.endsWith(': ') && cause instanceof Error ? cause.message : '';
      throw refuse(problem + more, cause);
    }
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw refuse(`${cert === undefined ? 'clientCert' : 'clientKey'}: a certificate goes with its key`);
  }
}

/** As mirrors are asked: no certificate of this install is shown to them. */
export function withoutOwnCertificate(network: Network): Network {
  const { cert: _, key: __, ...tls } = network.tls;
  return { ...network, tls };
}
