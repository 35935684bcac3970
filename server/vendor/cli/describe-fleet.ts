// How an offer fares, for a person who has ten seconds: whom it is for, what came of it, and what keeps the others.
import { count } from '../../../shared/errors/entry.ts';
import { formatTable } from '../../../shared/present/table.ts';
import type { RolloutReply } from '../../../shared/protocol/rollouts.ts';

/** In words; what agents say by themselves stands as the code that `explain` has. */
const REASONS: Readonly<Record<string, string>> = {
  isolated: 'isolated',
  moved: 'gone to another server',
  'never-reported': 'never reported',
  'not-in-class': 'of no class that it is for',
  'wave-to-come': 'waits for its wave',
  silent: 'silent for an hour',
  'not-yet': 'has not looked yet',
  'pins-hold-back': 'pinned',
  'pins-conflict': 'pinned',
  'channel-frozen': 'frozen',
  'approval-needed': 'waits for an approval',
  'approval-denied': 'denied',
  hold: 'held',
  'window-closed': 'waits for its window',
  'window-short': 'waits for a longer window',
  'windows-too-short': 'has no window that is long enough',
  quarantined: 'quarantined: it failed there before',
};
const MOST_CLASSES = 10;

export function describeFleet(one: RolloutReply): readonly string[] {
  const { track, id, eligible, offered, halt, classes, findings, omitted, next } = one;
  const rows = [['', 'For', 'Offered', 'Committed', 'Went wrong', 'Under way'], rowOf('all', one)];
  const harmed = classes.filter(({ counts }) => wrongOf(counts) > 0).slice(0, MOST_CLASSES);
  const left = omitted.map(({ reason, count: number }) => `${number} ${REASONS[reason] ?? reason}`);
  return [
    '',
    `${track === null ? `order ${id.split('~')[1]}` : `track ${track}`}: offered to ${offered} of ${count(eligible, 'install')}`,
    ...(halt === null
      ? []
      : [
          `halted by the ${halt.by}${halt.class === null ? '' : ` for ${halt.class}`} until ${halt.until}: ${halt.reason}`,
        ]),
    ...formatTable([...rows, ...harmed.map((each) => rowOf(each.class, each))]),
    ...(left.length === 0 ? [] : [`not there: ${left.join(', ')}`]),
    ...findings.map(({ text }) => `against it: ${text}`),
    ...(next === undefined || next.percent === null || offered === eligible
      ? []
      : [`next wave: up to ${next.percent} %: ${next.why}`]),
  ];
}

function rowOf(
  name: string,
  { eligible, offered, counts }: Pick<RolloutReply, 'eligible' | 'offered' | 'counts'>,
) {
  return [name, eligible, offered, counts.committed, wrongOf(counts), counts.inProgress].map(String);
}

function wrongOf({ rolledBack, failed, overdue = 0, degraded = 0 }: RolloutReply['counts']): number {
  return rolledBack + failed + overdue + degraded;
}
