// What the fleet reports about a change, asked of the server.

import type { ChangeRecord, FleetCounts } from '../../../shared/change/change.ts';
import { billOfMaterials } from '../../../shared/compile/releases.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import {
  type ChangeReply,
  changeReply,
  deploymentsReply,
  type FleetDeployment,
  type InstancesReply,
  instanceReply,
  instancesReply,
} from '../../../shared/protocol/fleet.ts';
import {
  type ProposalModel,
  type ProposalStatus,
  proposalsList,
} from '../../../shared/protocol/fleet-proposals.ts';
import { type RolloutReply, rolloutReply, rolloutsReply } from '../../../shared/protocol/rollouts.ts';
import type { Release } from '../../../shared/schema/release.ts';
import { refFor } from '../../../shared/schema/release-ref.ts';
import type { Extent, ReportedInstall } from '../core/advisory-impact.ts';
import { bestRelease, type KnownRelease } from '../core/checks.ts';
import { combineCounts } from '../core/post-deploy.ts';
import { refOfChange } from '../workspace/changes.ts';
import { findRelease, requireRelease } from '../workspace/documents.ts';
import { listKnownReleases } from '../workspace/known-documents.ts';
import type { Session } from '../workspace/passphrases.ts';
import { fleetConfig } from '../workspace/workspace.ts';
import { type ServerClient, type ServerPage, withServer } from './server-client.ts';

export interface FleetInstance {
  readonly instance: InstancesReply['instances'][number];
  readonly deployments: readonly FleetDeployment[];
}

const NOTHING_REPORTED: FleetCounts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };

/** For a capability its own counts; for a suite or platform those of the capabilities it ships. */
export async function readFleetCounts(session: Session, record: ChangeRecord): Promise<FleetCounts> {
  const changes = await changesBehind(session.directory, record);
  return askServer(session, async (server) => {
    const replies = await Promise.all(changes.map((id) => readReply(server, id)));
    return combineCounts(replies.map((reply) => reply?.counts ?? NOTHING_REPORTED));
  });
}

/** Each rollout and each order that offers it; none where the server is of an earlier version. */
export function readRollouts(session: Session, change: string): Promise<readonly RolloutReply[]> {
  return askServer(session, async (server) => {
    const mine = (id: string) => id.startsWith(`${change}~`);
    const found: RolloutReply[] = [];
    // By id: those of one change stand together.
    const { entries } = await listAll(`/api/v1/rollouts?limit=1000`, async (path) => {
      const { value, next } = await server.page(path, rolloutsReply);
      return { value: value.rollouts, next, etag: undefined };
    });
    for (const { id } of entries.filter((one) => mine(one.id))) {
      found.push(await server.get(`/api/v1/rollouts/${id}`, rolloutReply));
    }
    return found;
  }).catch((error: unknown) => {
    if (isFairleadError(error, 'vendor/server-refused') && error.data.status === 404) return [];
    throw error;
  });
}

/** Null for a change that the server has not seen yet. */
export function readFleetChange(session: Session, id: string): Promise<ChangeReply | null> {
  return askServer(session, (server) => readReply(server, id));
}

/** The instance of this id or name, with its deployments, newest first. Error: vendor/instance-not-found. */
export function readFleetInstance(session: Session, text: string): Promise<FleetInstance> {
  return askServer(session, async (server) => {
    const instance = await findInstance(server, text);
    const { deployments } = await server.get(`/api/v1/deployments?instance=${instance.id}`, deploymentsReply);
    return { instance, deployments };
  });
}

/** Also one that is retired. Error: vendor/instance-not-found. */
export async function findInstance(server: ServerClient, text: string): Promise<FleetInstance['instance']> {
  const named = `/api/v1/instances?standing=any&named=${encodeURIComponent(text)}`;
  const { instances } = await server.get(named, instancesReply);
  const [instance] = instances;
  if (instance !== undefined && instances.length === 1) return instance;
  throw new FairleadError('vendor/instance-not-found', { instance: text, found: instances.length });
}

const MOST_PROPOSALS = 200;

/** The newest, of one instance by its id or name when asked for. Error: vendor/instance-not-found. */
export function readProposals(
  session: Session,
  { instance, status }: { readonly instance?: string; readonly status?: ProposalStatus },
): Promise<readonly ProposalModel[]> {
  return askServer(session, async (server) => {
    const query = new URLSearchParams({ limit: String(MOST_PROPOSALS) });
    if (status !== undefined) query.set('status', status);
    if (instance !== undefined) query.set('instance', (await findInstance(server, instance)).id);
    return (await server.get(`/api/v1/proposals?${query}`, proposalsList)).proposals;
  });
}

/** Beyond this many the first by name stand for all: each is one more request. */
const MOST_ASKED = 100;
const AT_A_TIME = 8;

/** What installs run by their newest reports, of the first by name. */
export async function readReportedInstalls(
  session: Session,
): Promise<{ readonly installs: readonly ReportedInstall[]; readonly extent: Extent }> {
  const found = await unlessAway(session, async (server) => {
    const { instances } = await server.get(`/api/v1/instances?limit=${MOST_ASKED}`, instancesReply);
    const installs: ReportedInstall[] = [];
    for (let at = 0; at < instances.length; at += AT_A_TIME) {
      const part = instances.slice(at, at + AT_A_TIME);
      const replies = await Promise.all(
        part.map(({ id }) => server.get(`/api/v1/instances/${id}`, instanceReply)),
      );
      installs.push(
        ...replies.map(({ report }) => ({
          ...{ components: report?.components ?? null, channel: report?.channel ?? null },
        })),
      );
    }
    const extent: Extent = instances.length < MOST_ASKED ? 'all' : 'first';
    return { installs, extent };
  });
  return found ?? { installs: [], extent: 'unknown' };
}

/** Null where nobody answers. */
export async function unlessAway<T>(
  session: Session,
  work: (server: ServerClient) => Promise<T>,
): Promise<T | null> {
  try {
    return await askServer(session, work);
  } catch (error) {
    if (isFairleadError(error, 'vendor/server-unreachable', 'vendor/server-refused')) return null;
    throw error;
  }
}

/** More than anybody reads; a program that wants all of a larger fleet asks the API. */
const MOST_LISTED = 10_000;

/** A list with all its pages, as far as somebody reads; `more` where it goes on. */
export async function listAll<Entry>(
  path: string,
  read: (path: string) => Promise<ServerPage<readonly Entry[]>>,
): Promise<{ readonly entries: readonly Entry[]; readonly more: boolean }> {
  const entries: Entry[] = [];
  for (let at: string | null = path; at !== null; ) {
    const { value, next } = await read(at);
    entries.push(...value);
    if (entries.length >= MOST_LISTED) return { entries: entries.slice(0, MOST_LISTED), more: next !== null };
    at = next;
  }
  return { entries, more: false };
}

async function readReply(server: ServerClient, id: string): Promise<ChangeReply | null> {
  try {
    return await server.get(`/api/v1/changes/${id}`, changeReply);
  } catch (error) {
    if (isFairleadError(error, 'vendor/server-refused') && error.data.status === 404) return null;
    throw error;
  }
}

export async function askServer<T>(session: Session, work: (server: ServerClient) => Promise<T>): Promise<T> {
  return withServer(await fleetConfig(session.directory, session.fleet), work, session.out);
}

/** Agents report capabilities; the levels above are known by what they ship. */
async function changesBehind(directory: string, record: ChangeRecord): Promise<readonly string[]> {
  if (record.component.includes('/')) return [record.id];
  const start = await findRelease(directory, refOfChange(record));
  if (start === null) return [record.id];
  const members = await capabilitiesOf(directory, start.document, await listKnownReleases(directory));
  return [...new Set(members.map((release) => release.change.id))];
}

async function capabilitiesOf(
  directory: string,
  release: Release,
  known: readonly KnownRelease[],
): Promise<readonly Release[]> {
  if (release.schema === 'fairlead/capability@1') return [release];
  const found: Release[] = [];
  for (const [component, range] of billOfMaterials({ document: release })) {
    const member = bestRelease(component, range, known);
    if (member === undefined) continue;
    const { document } = await requireRelease(directory, refFor(component, member.version));
    found.push(...(await capabilitiesOf(directory, document, known)));
  }
  return found;
}
