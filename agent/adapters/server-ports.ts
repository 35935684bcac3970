// Everything between this install and its vendor's server, joined: how it is reached, files, its own word, and looks at all of that.
import { proxyFor } from '../../shared/node/proxies.ts';
import type { Clock } from '../ports/machine.ts';
import type { DownloadLimits, PatchEnds, Samples } from '../ports/server.ts';
import { createEnrolledSource } from './repository/http-source.ts';
import { createMirrors } from './repository/mirrors.ts';
import { type EnrolmentFile, readIdentity } from './server/enrolment-file.ts';
import { createHttpClient } from './server/http-client.ts';
import { readNetwork } from './server/network.ts';
import { createServerChannel } from './server/server-channel.ts';
import { EXCHANGE_LIMITS } from './server/watch.ts';
import { createStateFiles } from './state/state-files.ts';

type At = { readonly place: number };

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
    packs: {
      places: async () => (await nearest()).length,
      fetch: async (hex: string, file: string, { place, ...options }: DownloadLimits & At) =>
        (await at(place)).pack(hex, file, options),
      patches: async (hex: string, place: number) => (await at(place)).patches(hex),
      fetchPatch: async (ends: PatchEnds, file: string, { place, ...options }: DownloadLimits & At) =>
        (await at(place)).patch(ends, file, options),
    },
    agent: {
      instance: { id: instance, name, server, ...proxyFor(server, network.proxies) },
      channel: createServerChannel({ server, instance, clock, identity, http, network }),
      // Loaded when somebody asks: an agent that nobody asks carries none of it.
      survey: async () =>
        (await import('./server/survey.ts')).surveyServer(server, network, await mirrors.addresses()),
      preview: async (samples: Samples) =>
        (await import('./server/preview.ts')).previewRequests({ server, instance, clock }, samples),
    },
  };
}
