// Changes in words: what, why, and when each stage was passed.

import type { ChangeRecord, FleetCounts, StageEvent } from '../../../shared/change/change.ts';
import { commandFor, stageDue } from '../../../shared/change/pipeline.ts';
import { count } from '../../../shared/errors/entry.ts';
import { formatTable } from '../../../shared/present/table.ts';
import { formatRef } from '../../../shared/schema/release-ref.ts';
import { refOfChange } from '../workspace/changes.ts';

export function describeChange(record: ChangeRecord): readonly string[] {
  const rows = record.stages.map((event) => [
    event.stage,
    event.outcome,
    event.at,
    event.actor,
    detailOf(event),
  ]);
  return [
    `${record.id}  ${formatRef(refOfChange(record))}  ${record.result}`,
    `why: ${record.scope} (${record.revision})`,
    ...formatTable([['Stage', 'Outcome', 'At', 'By', 'Detail'], ...rows]),
    nextStep(record),
  ];
}

/** What a command has just done to a change, and what comes next. */
export function describeStep(record: ChangeRecord, done: string): readonly string[] {
  return [`${record.id}  ${formatRef(refOfChange(record))}  ${done}`, nextStep(record)];
}

/** One line: the command that is due, or how it ended. */
export function nextStep(record: ChangeRecord): string {
  const due = stageDue(record);
  return due === null ? `ended: ${record.result}` : `next: ${commandFor(record, due)}`;
}

export function describeCounts(counts: FleetCounts): string {
  const { committed, inProgress, rolledBack, failed, environment, silent, overdue, degraded } = counts;
  const states = `committed ${committed}, in progress ${inProgress}, rolled back ${rolledBack}, failed ${failed}`;
  const apart = [
    [environment, 'of these through their machines'],
    [silent, 'silent for a day'],
    [overdue, 'without an end in their time'],
    [degraded, 'unhealthy or gone back since'],
  ] as const;
  const told = apart.filter(([number = 0]) => number > 0).map(([number, what]) => `; ${number} ${what}`);
  return states + told.join('');
}

function detailOf(event: StageEvent): string {
  switch (event.stage) {
    case 'intake':
      return '';
    case 'build':
      return `${event.details.release.slice(0, 19)}${event.details.reproduced ? ', reproduced' : ''}`;
    case 'verification': {
      const failed = event.details.checks.filter(({ outcome }) => outcome === 'failed');
      return failed.length === 0
        ? count(event.details.checks.length, 'check')
        : failed.map(({ check }) => check).join(', ');
    }
    case 'release':
      return event.details.path;
    case 'deploy':
      return event.details.order;
    case 'post-deploy':
      return describeCounts(event.details.counts);
    case 'abandonment':
      return event.details.reason;
    case 'completion':
      return event.details.returnsTo === null ? '' : `back to ${event.details.returnsTo.slice(0, 19)}`;
  }
}
