// What installs reported, in maps where the server has tables, and what its guard asks of them: how an offer fares, install by install.
import { surveyedOf } from '../../../server/core/outcome.ts';
import { allowanceOf, createSurvey, type Survey } from '../../../server/core/survey.ts';
import { type RecordRow, recordRow } from '../../../server/db/deployment-row.ts';
import type { SurveyedOffer } from '../../../server/db/surveys.ts';
import { isSurroundings } from '../../../shared/change/change.ts';
import { type EpochMs, formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { ClassFacts } from '../../../shared/schema/classes.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';

/** What an install says at one moment. */
export interface Report {
  readonly records: readonly DeploymentRecord[];
  /** All that should run. */
  readonly components: readonly Component[];
}

interface Component {
  readonly component: string;
  readonly version: string;
  readonly isHealthy: boolean;
}

/** An install as the server knows it without any report. */
export interface Known {
  readonly id: string;
  readonly facts: ClassFacts;
  /** When it was heard last. */
  readonly lastSeen: EpochMs;
}

export interface Reports {
  take(install: string, report: Report, now: EpochMs): void;
  /** A deployment has begun there and not ended. */
  isOpen(install: string): boolean;
  survey(offer: SurveyedOffer, installs: readonly Known[], now: EpochMs): Survey;
}

/** The newest record that is about something; when it was heard of first. */
type Newest = RecordRow & { readonly heard: string };

export function createReports(): Reports {
  const last = new Map<string, { readonly runs: ReadonlySet<string>; readonly ill: string | null }>();
  /** By change, and by the versions that a rollback left; each by install. */
  const deployments = new Map<string, Map<string, Newest>>();
  const rollbacks = new Map<string, Map<string, Newest>>();
  const open = new Set<string>();

  function note(
    rows: Map<string, Map<string, Newest>>,
    about: string,
    install: string,
    row: RecordRow,
  ): void {
    const known = rows.get(about) ?? new Map<string, Newest>();
    rows.set(about, known);
    const before = known.get(install);
    const heard = before?.record === row.record ? before.heard : (row.heard_at ?? row.started_at);
    if (row.record >= (before?.record ?? 0)) known.set(install, { ...row, heard });
  }

  function takeRecord(install: string, record: DeploymentRecord, now: EpochMs): void {
    const row = recordRow(record, now);
    for (const change of row.changes) note(deployments, change, install, row);
    const wentBack = record.reason.kind === 'rollback' && record.state === 'committed';
    for (const { component, from } of wentBack ? record.steps : []) {
      note(rollbacks, `${component}@${from}`, install, row);
    }
    if (isFinal(record.state)) open.delete(install);
    else open.add(install);
  }

  return {
    take(install, { records, components }, now) {
      for (const record of records) takeRecord(install, record, now);
      const runs = new Set(components.map(({ component, version }) => `${component}@${version}`));
      const ill = components.flatMap(({ component, isHealthy }) => (isHealthy ? [] : [component]));
      last.set(install, { runs, ill: ill.length === 0 ? null : JSON.stringify(ill) });
    },
    isOpen: (install) => open.has(install),
    survey(offer, installs, now) {
      const survey = createSurvey({ ...offer, now });
      const [member] = offer.members;
      if (member === undefined || offer.members.length > 1) throw new Error('one capability at a time');
      const name = `${member.component}@${member.version}`;
      const newest = since(deployments.get(member.change), offer.since);
      const left = since(rollbacks.get(name), offer.since);
      const justNow = formatInstantMs(now);
      const asked = { ...offer, now, allowanceMs: allowanceOf(durationsOf(newest)) };
      for (const { id, facts, lastSeen } of installs) {
        const { runs, ill } = last.get(id) ?? { runs: new Set(), ill: null };
        const deployment = newest.get(id);
        survey.add(
          surveyedOf(
            {
              ...{
                id,
                facts,
                ill,
                runs: runs.has(name),
                last_seen: lastSeen === now ? justNow : formatInstantMs(lastSeen),
              },
              ...{
                deployment,
                byMachine: isSurroundings(deployment?.failure_code ?? ''),
                left: left.get(id)?.record ?? 0,
              },
              ...{ standing: null, moved_to: null, channel: 'auto', said: [] },
            },
            asked,
          ),
        );
      }
      return survey.result();
    },
  };
}

function since(rows: ReadonlyMap<string, Newest> | undefined, from: EpochMs): ReadonlyMap<string, Newest> {
  const earliest = formatInstantMs(from);
  return new Map([...(rows ?? [])].filter(([, { heard }]) => heard >= earliest));
}

function durationsOf(newest: ReadonlyMap<string, Newest>): readonly number[] {
  const ended = [...newest.values()].filter(({ state }) => isFinal(state));
  return ended.map((one) => Date.parse(one.updated_at) - Date.parse(one.started_at));
}
