// Copies of the repository: those that the operator named, or else those of the vendor's signed list that are for this install.
import { type ListedMirror, mirrorsFor } from '../../../shared/schema/mirrors.ts';
import type { RepositorySource } from '../../ports/server.ts';
import { createDispatchersFrom } from '../server/dispatchers.ts';
import { createHttpClient, createHttpClientOver, type HttpClient } from '../server/http-client.ts';
import { MOST_MIRRORS, type Network, withoutOwnCertificate } from '../server/network.ts';
import { EXCHANGE_LIMITS } from '../server/watch.ts';
import { createHttpSource, joinUrl } from './http-source.ts';

export interface MirrorsOptions {
  readonly network: Network;
  /** Whose list it is: its mirrors are no way to where a redirect from there would not lead. */
  readonly server: string;
  /** As the operator said it last; absent where it is not known. */
  readonly region: () => Promise<readonly string[] | undefined>;
}

/** No name is shown to them, and no certificate of this install. */
export function createMirrors({ network, server, region }: MirrorsOptions) {
  const own = withoutOwnCertificate(network);
  const http =
    network.mirrors === null
      ? createHttpClientOver(createDispatchersFrom(server, own), EXCHANGE_LIMITS)
      : createHttpClient(EXCHANGE_LIMITS, own);
  let listed: readonly ListedMirror[] = [];
  let known = new Map<string, RepositorySource>();

  /** The nearest first. */
  const addresses = async (): Promise<readonly string[]> => {
    if (network.mirrors !== null) return network.mirrors;
    if (listed.length === 0) return [];
    const here = await region();
    return mirrorsFor(listed, here === undefined ? {} : { region: [...here] }).slice(0, MOST_MIRRORS);
  };
  const sources = async (): Promise<readonly RepositorySource[]> => {
    const urls = await addresses();
    known = new Map(urls.map((url) => [url, known.get(url) ?? createMirrorSource(url, http)]));
    return [...known.values()];
  };
  return {
    addresses,
    sources,
    learn: (now: readonly ListedMirror[]) => {
      listed = now;
    },
    close: http.close,
  };
}

function createMirrorSource(mirror: string, http: HttpClient): RepositorySource {
  const urls = { metadata: joinUrl(mirror, 'metadata'), targets: joinUrl(mirror, 'targets'), packs: mirror };
  return { mirror, ...createHttpSource(urls, http) };
}
