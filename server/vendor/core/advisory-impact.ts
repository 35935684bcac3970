// What an advisory will do to the installs that reported: how many it hits, where each goes, and which stay exposed.
import { isAffected } from '../../../shared/compile/exposure.ts';
import { count } from '../../../shared/errors/entry.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';

export interface RunningComponent {
  readonly component: ComponentKey;
  readonly version: Version;
}

/** One install by its newest report; both are null before its first. */
export interface ReportedInstall {
  readonly components: readonly RunningComponent[] | null;
  readonly channel: string | null;
}

/** A fix that is stopped for now. */
export interface HaltedFix {
  readonly component: ComponentKey;
  readonly version: Version;
  readonly until: string;
  /** Not everywhere. */
  readonly isForSome: boolean;
}

export interface Impact {
  readonly installs: number;
  /** Installs that run an affected version. */
  readonly hit: number;
  readonly silent: number;
  /** Installs that are hit, by their channel. */
  readonly channels: ReadonlyMap<string, number>;
  /** `core/auth 1.0.0 → 1.0.1` and on how many installs; `to` is null where nothing fixes it. */
  readonly moves: readonly {
    readonly component: ComponentKey;
    readonly from: Version;
    readonly to: Version | null;
    readonly installs: number;
  }[];
}

export function foreseeImpact(advisory: Advisory, installs: readonly ReportedInstall[]): Impact {
  const moves = new Map<string, Impact['moves'][number]>();
  const channels = new Map<string, number>();
  let hit = 0;
  for (const { components, channel } of installs) {
    const affected = (components ?? []).filter(({ component, version }) =>
      isAffected(advisory, component, version),
    );
    if (affected.length > 0) {
      hit++;
      channels.set(channel ?? 'unknown', (channels.get(channel ?? 'unknown') ?? 0) + 1);
    }
    for (const { component, version: from } of affected) {
      const key = `${component} ${from}`;
      const before = moves.get(key)?.installs ?? 0;
      moves.set(key, { component, from, to: nearestFix(advisory, component, from), installs: before + 1 });
    }
  }
  const silent = installs.filter(({ components }) => components === null).length;
  const sorted = [...moves].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, move]) => move);
  return { installs: installs.length, hit, silent, channels, moves: sorted };
}

/** Whether the installs are the whole fleet, the first of it by name, or unknown because the server could not be asked. */
export type Extent = 'all' | 'first' | 'unknown';

/** Lines for people. */
export function describeImpact(
  advisory: Advisory,
  impact: Impact,
  extent: Extent,
  halted: readonly HaltedFix[],
): readonly string[] {
  const stopped = halted.map(describeHalted);
  if (extent === 'unknown') return ['installs: unknown, the server could not be asked', ...stopped];
  const { installs, hit, silent, channels, moves } = impact;
  const of = extent === 'first' ? `the first ${installs} installs by name` : count(installs, 'install');
  const first = `hits ${hit} of ${of}${silent === 0 ? '' : `; ${silent} never reported`}`;
  const how =
    advisory.order === undefined
      ? 'as its channel or its policy for fixes allows'
      : 'by force, over pins and past frozen';
  return [
    first,
    ...moves.map(({ component, from, to, installs: on }) => {
      const where = to === null ? 'stays exposed: no fix is named above it' : `moves to ${to}, ${how}`;
      return `  ${count(on, 'install')}: ${component} ${from} ${where}`;
    }),
    ...(advisory.order !== undefined || hit === 0 ? [] : [`  by channel: ${describeChannels(channels)}`]),
    ...stopped,
  ];
}

function describeChannels(channels: Impact['channels']): string {
  return [...channels]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([channel, installs]) => `${installs} ${channel}`)
    .join(', ');
}

function describeHalted({ component, version, until, isForSome }: HaltedFix): string {
  const whom = isForSome ? 'installs of a class' : 'any install';
  return `  ${component} ${version} is halted: it does not move ${whom} before ${until}`;
}

/** Null where nothing above it is named as fixed. */
export function nearestFix(advisory: Advisory, component: ComponentKey, from: Version): Version | null {
  const above = advisory.fixed.filter(
    (fix) => fix.component === component && compareVersions(fix.version, from) > 0,
  );
  const [nearest] = above.map(({ version }) => version).toSorted(compareVersions);
  return nearest ?? null;
}
