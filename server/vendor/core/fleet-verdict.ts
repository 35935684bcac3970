// What the trial over the known fleet comes to: one check of stage 3, and lines for people.
import type { CheckResult } from '../../../shared/change/change.ts';
import { count, formatBytes } from '../../../shared/errors/entry.ts';
import { toCheckResult } from './checks.ts';
import type { Fit, FleetKind } from './fleet-trial.ts';

export interface Tried {
  readonly kind: FleetKind;
  readonly fit: Fit;
}

export interface FleetLooked {
  readonly tried: readonly Tried[];
  /** Installs that nobody tried: more kinds, or more time, than are looked at. */
  readonly left: number;
  /** True where there are installs that the server was not even asked for. */
  readonly more: boolean;
}

const CHECK = 'known fleet';
/** More causes than a person reads. */
const MOST_TOLD = 10;

/**
 * Pins are their installs' own affair, and an older line has its fixes too; a release that nobody could take, pins or not, is none
 * for this fleet. Where not all were looked at nobody knows that.
 */
export function judgeTrial({ tried, left, more }: FleetLooked): CheckResult {
  const installs = sumOf(tried);
  const isAll = left === 0 && !more;
  if (installs === 0 && isAll) return toCheckResult(CHECK, true, 'no install has reported what it runs');
  const of = (wanted: Fit['kind']) => sumOf(tried.filter(({ fit }) => fit.kind === wanted));
  const [takes, pinned, newer] = [of('takes'), of('pinned'), of('newer')];
  const concerned = installs - of('apart');
  const cannot = concerned - takes - pinned - newer;
  const parts = [
    `${takes} of ${count(concerned, 'install')} would take it`,
    ...(pinned === 0 ? [] : [`${pinned} are kept by pins`]),
    ...(newer === 0
      ? []
      : [`${newer} would rather have a newer one, unless an advisory or a pin says otherwise`]),
    ...(cannot === 0 ? [] : [`${cannot} could not: ${causesOf(tried)[0]?.text ?? ''}`]),
  ];
  const told = concerned === 0 ? ['no known install would run it'] : parts;
  const notTold = isAll ? [] : [[...(left === 0 ? [] : [left]), ...(more ? ['more'] : [])].join(' and ')];
  const passes = concerned === 0 || takes + pinned + newer > 0 || !isAll;
  return toCheckResult(CHECK, passes, [...told, ...notTold.map((n) => `${n} were not looked at`)].join('; '));
}

/** Who stays and why, most installs first, and how much is fetched. */
export function describeTrial({ tried }: Pick<FleetLooked, 'tried'>): readonly string[] {
  const causes = causesOf(tried);
  const sizes = tried.flatMap(({ fit }) => (fit.kind === 'takes' ? [fit.bytes] : []));
  const more = causes.length - MOST_TOLD;
  return [
    ...(sizes.length === 0 ? [] : [`at most ${formatBytes(Math.max(...sizes))} for an install to fetch`]),
    ...causes.slice(0, MOST_TOLD).map(({ installs, text }) => `${count(installs, 'install')}: ${text}`),
    ...(more > 0 ? [`and ${more} more causes`] : []),
  ];
}

function causesOf(tried: readonly Tried[]): readonly { readonly installs: number; readonly text: string }[] {
  const causes = new Map<string, number>();
  for (const { kind, fit } of tried) {
    const text = causeOf(fit);
    if (text !== null) causes.set(text, (causes.get(text) ?? 0) + kind.installs);
  }
  return [...causes]
    .map(([text, installs]) => ({ installs, text }))
    .toSorted((a, b) => b.installs - a.installs || (a.text < b.text ? -1 : 1));
}

function causeOf(fit: Fit): string | null {
  switch (fit.kind) {
    case 'apart':
      return null;
    case 'takes':
      return fit.by === null ? null : `by way of ${fit.by}, which may not be skipped`;
    case 'pinned':
      return `kept by ${fit.pins.join(', ')}`;
    case 'newer':
      return `would rather have ${fit.at}`;
    case 'stays':
      return `stays at ${fit.at}, which fits better`;
    case 'conflict':
      return fit.problems.join(', ');
  }
}

function sumOf(tried: readonly Tried[]): number {
  return tried.reduce((sum, { kind }) => sum + kind.installs, 0);
}
