// fairlead agent network: how the vendor's server is reached from here: proxy, certificates that are believed, the own one.
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { readNamed, readSecret } from '../../../shared/node/named-file.ts';
import { describeProxy } from '../../../shared/node/proxies.ts';
import {
  type NetworkFile,
  networkOf,
  networkPathOf,
  readNetworkFile,
  writeNetworkFile,
} from '../../adapters/server/network.ts';
import { type CliContext, show } from '../context.ts';

export const networkAnswer = z.strictObject({
  schema: z.literal('fairlead/network-shown@1'),
  /** Without its password; null where the environment says. */
  proxy: z.string().nullable(),
  direct: z.string().nullable(),
  /** Whether certificates are believed beside those that come with the program. */
  ca: z.boolean(),
  systemCa: z.boolean(),
  clientCert: z.boolean(),
  /** Copies of the vendor's repository that were named; none also where `listedMirrors`. */
  mirrors: z.array(z.string()),
  /** Whether those count that the vendor's signed list names. */
  listedMirrors: z.boolean(),
});

export interface NetworkOptions {
  readonly proxyFile?: string;
  readonly direct?: string;
  readonly ca?: string;
  readonly systemCa?: boolean;
  readonly clientCert?: string;
  readonly clientKey?: string;
  /** Null takes back what was said. */
  readonly mirrors?: readonly string[] | null;
}

/** Without options it shows what was said. Errors: transport/network-invalid, file/*, disk/*. */
export async function network(
  context: CliContext,
  { clear, ...options }: NetworkOptions & { readonly clear?: boolean },
): Promise<number> {
  const { stateDir } = context;
  if (clear === true) await rm(networkPathOf(stateDir), { force: true });
  const changed = (await saveNetwork(stateDir, options)) || clear === true;
  const said = await readNetworkFile(stateDir);
  const reply = {
    schema: 'fairlead/network-shown@1',
    proxy: proxyIn(said),
    direct: said?.noProxy ?? null,
    ...{
      ca: said?.ca !== undefined,
      systemCa: said?.systemCa === true,
      clientCert: said?.clientCert !== undefined,
    },
    ...{ mirrors: said?.mirrors ?? [], listedMirrors: said?.mirrors === undefined },
  };
  show(context, reply, () => [
    `proxy: ${reply.proxy ?? 'as HTTPS_PROXY and HTTP_PROXY say where the agent is started'}`,
    `asked without it: ${reply.direct ?? (reply.proxy === null ? 'as NO_PROXY says' : 'nothing')}`,
    `believed besides: ${[reply.ca ? 'the certificates given' : [], reply.systemCa ? 'those of this machine' : []].flat().join(', ') || 'nothing'}`,
    `this install shows ${reply.clientCert ? 'its certificate' : 'no certificate'}`,
    `files are also fetched from ${reply.listedMirrors ? 'the mirrors that the vendor names' : reply.mirrors.join(', ') || 'nowhere else'}`,
    ...(changed ? ['next: systemctl restart fairlead-agent.service'] : []),
  ]);
  return 0;
}

/** What is not given stays as it was said before. Answers whether anything was given. Errors: transport/network-invalid, file/*, disk/*. */
export async function saveNetwork(stateDir: string, options: NetworkOptions): Promise<boolean> {
  const { proxyFile, direct, ca, systemCa, clientCert, clientKey, mirrors } = options;
  const text = async (path: string) => new TextDecoder().decode(await readNamed(path, MAX_BYTES));
  const given = {
    ...(proxyFile === undefined ? {} : { proxy: await readSecret(proxyFile) }),
    ...(direct === undefined ? {} : { noProxy: direct }),
    ...(ca === undefined ? {} : { ca: await text(ca) }),
    ...(systemCa === true ? { systemCa } : {}),
    ...(clientCert === undefined ? {} : { clientCert: await text(clientCert) }),
    ...(clientKey === undefined ? {} : { clientKey: await text(clientKey) }),
    ...(mirrors === undefined ? {} : { mirrors }),
  };
  if (Object.keys(given).length === 0) return false;
  await makeDirectory(stateDir);
  const before = await readNetworkFile(stateDir);
  const { mirrors: named, ...others } = { ...before, ...given };
  await writeNetworkFile(stateDir, {
    ...others,
    ...(named === null || named === undefined ? {} : { mirrors: [...named] }),
    schema: 'fairlead/network@1',
  });
  return true;
}

const MAX_BYTES = 1 << 20;

function proxyIn(said: NetworkFile | null): string | null {
  if (said?.proxy === undefined) return null;
  return describeProxy({ ...networkOf({}, said).proxies, noProxy: '' }, 'https://any.invalid/');
}
