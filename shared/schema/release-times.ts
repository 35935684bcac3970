// The times of a release: every one bounded on both sides, so that a deployment ends and a rollback can be counted on.
import { durationMs } from '../encoding/instant.ts';
import type { ReleaseTexts, TextProblem } from './release-text.ts';
import { TIME_BOUNDS } from './time-bounds.ts';

type Bounds = readonly [shortest: string, longest: string];
type Time = readonly [path: readonly (string | number)[], text: string, bounds: Bounds];

const LONGEST_ROUNDS_MS = 3_600_000;

/** What is too short to mean anything or too long to wait for. */
export function findTimeProblems(release: ReleaseTexts): readonly TextProblem[] {
  return [
    ...timesOf(release).flatMap(([path, text, bounds]) => problemOf(path, text, bounds)),
    ...release.health.flatMap(roundsProblem),
  ];
}

/** Healthy within an hour or not at all: otherwise every update and every rollback takes that long. */
function roundsProblem(
  { interval, timeout, successes, failures }: ReleaseTexts['health'][number],
  index: number,
): readonly TextProblem[] {
  const ms = Math.max(successes, failures) * (durationMs(interval) + durationMs(timeout));
  // What is out of bounds by itself was said already.
  if (ms <= LONGEST_ROUNDS_MS || durationMs(interval) > LONGEST_ROUNDS_MS) return [];
  const path = ['health', index, successes >= failures ? 'successes' : 'failures'];
  const expected = 'as many answers in a row as an hour holds';
  return [
    { path, found: String(Math.max(successes, failures)), expected, remedy: 'ask for fewer, or more often' },
  ];
}

function problemOf(path: Time[0], text: string, [shortest, longest]: Bounds): readonly TextProblem[] {
  const ms = durationMs(text);
  if (ms >= durationMs(shortest) && ms <= durationMs(longest)) return [];
  const expected = `a duration from "${shortest}" to "${longest}"`;
  return [{ path, found: text, expected, remedy: `write ${expected}` }];
}

function timesOf({ service, health, smoke, hooks }: ReleaseTexts): readonly Time[] {
  const ofService: Time[] = [[['service', 'stopTimeout'], service.stopTimeout, TIME_BOUNDS.stopTimeout]];
  if ('startTimeout' in service) {
    ofService.push([['service', 'startTimeout'], service.startTimeout, TIME_BOUNDS.startTimeout]);
  }
  if ('statusTimeout' in service) {
    ofService.push([['service', 'statusTimeout'], service.statusTimeout, TIME_BOUNDS.statusTimeout]);
  }
  const once = service.driver === 'compose' ? Object.entries(service.once ?? {}) : [];
  return [
    ...ofService,
    ...once.map(([name, limit]): Time => [['service', 'once', name], limit, TIME_BOUNDS.once]),
    ...health.flatMap(({ startPeriod, interval, timeout }, i): Time[] => [
      [['health', i, 'startPeriod'], startPeriod, TIME_BOUNDS.startPeriod],
      [['health', i, 'interval'], interval, TIME_BOUNDS.interval],
      [['health', i, 'timeout'], timeout, TIME_BOUNDS.probeTimeout],
    ]),
    ...smoke.map(({ timeout }, i): Time => [['smoke', i, 'timeout'], timeout, TIME_BOUNDS.smokeTimeout]),
    ...Object.entries(hooks).flatMap(([kind, all]) =>
      all.map(({ timeout }, i): Time => [['hooks', kind, i, 'timeout'], timeout, TIME_BOUNDS.hookTimeout]),
    ),
  ];
}
