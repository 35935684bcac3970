// Alternatives: where else a component could go for the sake of a fix, nearest first.
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions } from '../version/version.ts';
import { isEnabled } from './config.ts';
import type { Context } from './context.ts';
import { compareHoles } from './exposure.ts';
import { pinsAgainst, prohibition } from './fixes.ts';
import { firstStop } from './offers.ts';
import { selectPinned } from './pins.ts';
import type { AnyRelease } from './releases.ts';
import { type Choice, choiceOf } from './running.ts';
import type { Option } from './variables.ts';

export interface Freedom {
  /** Leave components alone whose pin a move would break. */
  readonly respectPins: boolean;
  /** Halts have had their time with every order that forces something here. */
  readonly beyondHalts: boolean;
}

/** Upwards only, offered versions before merely released ones, then the nearest, which is the lowest. */
export function alternatives(
  context: Context,
  base: ReadonlyMap<ComponentName, Option>,
  { respectPins, beyondHalts }: Freedom,
  component: ComponentName,
): readonly Choice[] {
  const [suite = '', capability] = component.split('/');
  const from = base.get(component) ?? null;
  const isInstallable = component === 'platform' || isEnabled(context.input.config, suite, capability);
  if (from === null && !isInstallable) return [];
  const releases = context.index.of(component);
  const since = context.running.get(component) ?? from;
  const stops = context.index.stopsOf(component);
  const stop = since === null ? undefined : firstStop(stops, since.version, context.offers.withdrawn);
  const isOffered = ({ version, digest }: Choice) => context.offers.isOffered(component, version, digest);
  const open = from === null ? [] : context.holes.of(component, from.version);
  const choices = releases
    .filter((release) => isAllowed(context, component, release, beyondHalts))
    .map(choiceOf)
    .filter(({ version }) => from === null || compareVersions(version, from.version) > 0)
    .filter(({ version }) => stop === undefined || compareVersions(version, stop.document.version) <= 0)
    .filter(({ version }) => compareHoles(context.holes.of(component, version), open) <= 0);
  return (respectPins ? allowedByPins(context, component, choices) : choices).toSorted(
    (a, b) =>
      Number(isOffered(b)) - Number(isOffered(a)) ||
      (from === null ? compareVersions(b.version, a.version) : compareVersions(a.version, b.version)),
  );
}

/** No advisory names it: by the policy's word alone it comes when it is offered. */
function isAllowed(
  context: Context,
  component: ComponentName,
  release: AnyRelease,
  beyondHalts: boolean,
): boolean {
  const prohibited = prohibition(context, release, beyondHalts);
  const { document, digest } = release;
  if (context.isBesideOffered) {
    return prohibited === null && context.offers.isOffered(component, document.version, digest);
  }
  return prohibited === null || (context.mandate === 'policy' && prohibited === 'withheld');
}

function allowedByPins(
  context: Context,
  component: ComponentName,
  choices: readonly Choice[],
): readonly Choice[] {
  if (context.mandate === 'policy') {
    return choices.filter(({ version }) => pinsAgainst(context, component, version).length === 0);
  }
  const versions = choices.map((choice) => choice.version);
  const allowed = context.pins.on(component).map((pin) => new Set(selectPinned(pin, versions)));
  return choices.filter(({ version }) => allowed.every((set) => set.has(version)));
}
