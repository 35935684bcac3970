// Everything between this install and its vendor's server, joined: how it is reached, files, its own word, and looks at all of that.
import { type Digest, hexOf } from '../../shared/encoding/digest.ts';
import { proxyFor } from '../../shared/node/proxies.ts';
import type { PatchEnds } from '../../shared/protocol/patches.ts';
import type { SbomRef } from '../../shared/schema/sbom.ts';
import type { Clock } from '../ports/machine.ts';
import type { DownloadLimits, Samples } from '../ports/server.ts';
import { createEnrolledSource, fetchSbom } from './repository/http-source.ts';
import { createMirrors } from './repository/mirrors.ts';
import { type EnrolmentFile, readIdentity } from './server/enrolment-file.ts';
import { createHttpClient } from './server/http-client.ts';
import { readNetwork } from './server/network.ts';
import { createServerChannel } from './server/server-channel.ts';
import { EXCHANGE_LIMITS } from './server/watch.ts';
import { createStateFiles } from './state/state-files.ts';
import type { FetchLimits, PatchWork } from './tree-store/downloads.ts';
import { applyBeside } from './tree-store/patch-beside.ts';

/** Whatever was said of the network is read once, here: all of it takes one way. Error: disk/unreadable. */
export async function createServerPorts(enrolment: EnrolmentFile, stateDir: string, clock: Clock) {
  const { server, instance, name } = enrolment;
  const network = await readNetwork(stateDir, process.env);
  const http = createHttpClient(EXCHANGE_LIMITS, network);
  const identity = () => readIdentity(stateDir, instance);
  const source = createEnrolledSource(enrolment, { stateDir, clock, http });
  // Whoever runs the agent hears of a damaged file from the agent itself.
  const { facts } = createStateFiles(stateDir, () => undefined);
  const region = async () => (await facts.read())?.region;
  const mirrors = createMirrors({ network, server, region });
  // What is large comes from the nearest; what says what is new from the vendor, where that answers.
  const nearest = async () => [...(await mirrors.sources()), source];
  const at = async (place: number) => (await nearest())[place] ?? source;
  return {
    close: async () => void (await Promise.all([http.close(), mirrors.close()])),
    ...{ source, mirrors },
    /** Hears of every piece: a download may take days. */
    packs: (onProgress: () => void) => ({
      places: async () => (await nearest()).length,
      fetchPack: async (hex: string, file: string, { place, ...limits }: FetchLimits) =>
        (await at(place)).pack(hex, file, heard(limits, onProgress)),
      patches: {
        list: async (hex: string, place: number, signal?: AbortSignal) =>
          (await at(place)).patches(hex, signal),
        fetch: async (ends: PatchEnds, file: string, { place, ...limits }: FetchLimits) =>
          (await at(place)).patch(ends, file, heard(limits, onProgress)),
        apply: (work: PatchWork, signal?: AbortSignal) => applyBeside(work, signal),
      },
    }),
    agent: {
      instance: { id: instance, name, server, ...proxyFor(server, network.proxies) },
      channel: createServerChannel({ server, instance, clock, identity, http, network }),
      bill: async (tree: Digest, ref: SbomRef) => fetchSbom(await nearest(), hexOf(tree), ref),
      // Loaded when somebody asks: an agent that nobody asks carries none of it.
      survey: async () =>
        (await import('./server/survey.ts')).surveyServer(server, network, await mirrors.addresses()),
      preview: async (samples: Samples) =>
        (await import('./server/preview.ts')).previewRequests({ server, instance, clock }, samples),
    },
  };
}

/** Both hear of every piece: who counts the bytes, and who only wants to know that something comes. */
function heard({ onBytes, ...limits }: Omit<FetchLimits, 'place'>, onProgress: () => void): DownloadLimits {
  return {
    ...limits,
    onProgress: (bytes, total) => {
      onProgress();
      onBytes(bytes, total);
    },
  };
}
