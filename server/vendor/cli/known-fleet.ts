// The known fleet as its server tells it: kinds of installs, each with what one of them reported.
import type { z } from 'zod';
import type { CheckResult } from '../../../shared/change/change.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { instanceReply, instancesReply, type storedReport } from '../../../shared/protocol/fleet.ts';
import type { Release, Verified } from '../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import { toCheckResult } from '../core/checks.ts';
import type { FleetKind } from '../core/fleet-trial.ts';
import { describeTrial, judgeTrial } from '../core/fleet-verdict.ts';
import { readFleetCatalog } from '../workspace/fleet-catalog.ts';
import { tryFleet } from '../workspace/fleet-trial.ts';
import type { Session } from '../workspace/passphrases.ts';
import { jsonBytes } from '../workspace/workspace.ts';
import { listAll, unlessAway } from './fleet.ts';
import type { ServerClient } from './server-client.ts';

type Listed = z.output<typeof instancesReply>['instances'][number];
type Report = z.output<typeof storedReport>;

const PAGE = 1_000;
/** Each is a request. */
const MOST_KINDS = 2_000;
const AT_A_TIME = 8;

export interface KnownFleet {
  readonly kinds: readonly FleetKind[];
  /** Installs of kinds that nobody looked at. */
  readonly left: number;
  /** Installs beyond those that are asked for. */
  readonly more: boolean;
}

export type FleetCheck = (document: Release, others: readonly Release[]) => Promise<CheckResult>;

/**
 * Stage 3: everything that is to come out together, tried for each document on every kind of install that the server knows. It is
 * asked once. Where it cannot be asked that is said, and stops nobody.
 */
export function createFleetCheck(session: Session): FleetCheck {
  let asked: Promise<KnownFleet | null> | null = null;
  return async (document, others) => {
    asked ??= readKnownFleet(session).catch(noneWithoutToken);
    const fleet = await asked;
    if (fleet === null) return toCheckResult('known fleet', true, 'not looked at: nobody could be asked');
    const candidates = [document, ...others].map(verifiedOf);
    const catalog = await readFleetCatalog(session.directory, candidates, fleet.kinds);
    const trial = { candidates, catalog, now: session.now() };
    const name = formatRef(refOf(document));
    const looked = await tryFleet(trial, fleet.kinds, {
      onProgress: (done, all) =>
        session.out.progress(`trying ${name} on the known fleet`, done, all, 'pieces'),
    });
    for (const line of describeTrial(looked)) session.out.note(`${name}: ${line}`);
    return judgeTrial({ ...looked, left: looked.left + fleet.left, more: fleet.more });
  };
}

/** A machine that only signs has no token. */
function noneWithoutToken(error: unknown): null {
  if (isFairleadError(error, 'file/missing', 'vendor/file-unreadable', 'vendor/no-workspace')) return null;
  throw error;
}

/** As `release` will sign it. */
function verifiedOf(document: Release): Verified<Release> {
  const bytes = jsonBytes(document);
  return { document, bytes, digest: digestOf(bytes) };
}

/** Null where the server cannot be asked. Installs that never reported are in none. */
export async function readKnownFleet(session: Session): Promise<KnownFleet | null> {
  return await unlessAway(session, async (server) => {
    const { groups, more } = await listGroups(server);
    const asked = groups.slice(0, MOST_KINDS);
    const reports: (Report | null)[] = [];
    for (let at = 0; at < asked.length; at += AT_A_TIME) {
      const part = asked.slice(at, at + AT_A_TIME).flatMap(([first]) => first ?? []);
      reports.push(...(await Promise.all(part.map(({ id }) => readReport(server, id)))));
      session.out.progress('asking what the fleet runs', reports.length, asked.length, 'pieces');
    }
    const kinds = asked.flatMap((group, i) => kindOf(group, reports[i] ?? null));
    return { kinds: joined(kinds), left: groups.slice(MOST_KINDS).flat().length, more };
  });
}

/** By what runs and what they are, the largest first. */
async function listGroups(
  server: ServerClient,
): Promise<{ readonly groups: readonly (readonly Listed[])[]; readonly more: boolean }> {
  const { entries, more } = await listAll(`/api/v1/instances?limit=${PAGE}`, async (path) => {
    const page = await server.page(path, instancesReply);
    return { ...page, value: page.value.instances };
  });
  const reported = entries.filter(({ manifest }) => manifest !== null);
  const groups = Map.groupBy(reported, ({ manifest, track, facts }) =>
    JSON.stringify([manifest, track ?? null, facts ?? null]),
  );
  return { groups: [...groups.values()].toSorted((a, b) => b.length - a.length), more };
}

async function readReport(server: ServerClient, id: string): Promise<Report | null> {
  return (await server.get(`/api/v1/instances/${id}`, instanceReply)).report;
}

function kindOf(group: readonly Listed[], report: Report | null): readonly FleetKind[] {
  const [first] = group;
  if (first === undefined || report === null) return [];
  const { os, arch, region, database } = report.facts ?? {};
  const pins = (report.decision?.newer ?? []).map(({ pinned, pin, by }) => ({ pinned, version: pin, by }));
  return [
    {
      ...{ instance: first.id, installs: group.length, track: report.track, pins },
      components: report.components.map(({ component, version }) => ({ component, version })),
      facts: { os, arch, region, database },
    },
  ];
}

/** Manifests that differ in settings alone are one kind. */
function joined(kinds: readonly FleetKind[]): readonly FleetKind[] {
  const alike = Map.groupBy(kinds, ({ instance: _, installs: __, ...what }) => JSON.stringify(what));
  return [...alike.values()].flatMap((same) => {
    const [first] = same;
    const installs = same.reduce((sum, one) => sum + one.installs, 0);
    return first === undefined ? [] : [{ ...first, installs }];
  });
}
