// The solver's variables: for every component the versions it may take, best first.

import type { Pieces } from '../encoding/pieces.ts';
import type { Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions } from '../version/version.ts';
import { isEnabled } from './config.ts';
import { type Context, suiteOf } from './context.ts';
import { isBeyond, leadsAbove, selectPinned } from './pins.ts';
import type { AnyRelease } from './releases.ts';
import { type Choice, choiceOf, choicesOf } from './running.ts';
import type { Choices, Variable } from './solve.ts';

/** A component's version, or null: it is not part of the deployment. */
export type Option = Choice | null;

/** By component and by what pins say of it: for contexts that differ in nothing but their pins. */
export type KnownOptions = Map<string, Choices<Option>>;

/** Platform, suites, capabilities, each by name: the order in which they take the best they can. */
export function* createVariables(
  context: Context,
  known: KnownOptions = new Map(),
): Pieces<readonly Variable<Option>[]> {
  const { pins } = context;
  const variables: Variable<Option>[] = [];
  for (const name of componentsInPlay(context)) {
    const key = JSON.stringify([name, pins.governing(name) === null, pins.on(name)]);
    const choices = known.get(key) ?? (yield* optionsFor(context, name));
    known.set(key, choices);
    variables.push({ name, choices });
  }
  return variables;
}

export function isCapabilityName(component: ComponentName): boolean {
  return component.includes('/');
}

function componentsInPlay(context: Context): readonly ComponentName[] {
  const { config } = context.input;
  const known = [...new Set([...context.index.components, ...context.running.keys()])].sort();
  const capabilities = known.filter((name) => isCapabilityName(name) && isEnabledName(context, name));
  const suites = new Set(known.map(suiteOf).filter((name) => name !== null));
  return ['platform', ...[...suites].filter((name) => isEnabled(config, name)).sort(), ...capabilities];
}

function isEnabledName(context: Context, component: ComponentName): boolean {
  const [suite = '', capability] = component.split('/');
  return isEnabled(context.input.config, suite, capability);
}

function* optionsFor(context: Context, component: ComponentName): Pieces<Choices<Option>> {
  const running = context.running.get(component);
  const pins = context.pins.on(component);
  if (running === undefined && pins.length === 0 && !context.unwanted.anyOf(component)) {
    yield 1;
    return anyOrNone(context.offers.of(component));
  }
  const eligible = eligibleChoices(context, component);
  const stop = context.stops.get(component);
  yield context.index.of(component).length;
  let allowed = eligible;
  for (const pin of pins) {
    yield eligible.length;
    allowed = allowedBy(context, component, pin, allowed, eligible);
  }
  const reachable =
    running === undefined
      ? allowed
      : allowed.filter((choice) => isReachable(context, component, choice, stop));
  const { safe, worse } = safestFirst(context, component, reachable);
  const isOptional = running === undefined && (pins.length === 0 || isCapabilityName(component));
  const options = [...safe, ...worse, ...(isOptional ? [null] : [])];
  return safe.length === 0 || worse.length === 0 ? falling(options) : options;
}

function falling(options: readonly Option[]): Choices<Option> {
  return { length: options.length, isFalling: true, at: (index) => options[index] };
}

/** Where nothing bars one of them. */
function anyOrNone(releases: readonly AnyRelease[]): Choices<Option> {
  const made: Choice[] = [];
  const { length } = releases;
  return {
    length: length + 1,
    isFalling: true,
    at(index) {
      const release = releases[index];
      if (release === undefined) return index === length ? null : undefined;
      made[index] ??= choiceOf(release);
      return made[index];
    },
  };
}

/**
 * An ordinary update never brings in an advisory that what runs is free of, critical or of a severity that the policy names. Where a pin wants a version, or
 * nothing runs yet, an affected one may still be all there is: it comes last, and the decision names it, see emergency.ts.
 */
function safestFirst(
  context: Context,
  component: ComponentName,
  choices: readonly Choice[],
): { readonly safe: readonly Choice[]; readonly worse: readonly Choice[] } {
  const running = context.running.get(component);
  const isWorse = (choice: Choice) => worsensExposure(context, component, running, choice);
  const worse = new Set(choices.filter(isWorse));
  if (worse.size === 0) return { safe: choices, worse: [] };
  const safe = choices.filter((choice) => !worse.has(choice));
  const isFree = running === undefined || context.pins.governing(component) !== null;
  return { safe, worse: isFree ? [...worse] : [] };
}

/** What a pin wants; on the way up also the next required stop, and above it what an open advisory has forced. */
function allowedBy(
  context: Context,
  component: ComponentName,
  pin: Pin,
  choices: readonly Choice[],
  eligible: readonly Choice[],
): readonly Choice[] {
  const versions = eligible.map((choice) => choice.version);
  const wanted = new Set(selectPinned(pin, versions));
  const stop = context.stops.get(component);
  return choices.filter((choice) => {
    if (wanted.has(choice.version)) return true;
    if (isStandingForced(context, component, choice)) return isBeyond(pin, choice.version, versions);
    return choice.digest === stop?.digest && leadsAbove(pin, choice.version, versions);
  });
}

/** It runs because an advisory forced it, and that advisory still stands. */
export function isStandingForced(context: Context, component: ComponentName, choice: Choice): boolean {
  return context.standing.has(component) && choice.digest === context.running.get(component)?.digest;
}

/** What is on offer and what runs, newest first. */
function eligibleChoices(context: Context, component: ComponentName): readonly Choice[] {
  const running = context.running.get(component);
  const offered = choicesOf(context.offers.of(component));
  if (running === undefined) return offered;
  // The same version with other bytes than those that run is never an update.
  const others = offered.filter(({ version }) => version !== running.version);
  return [...others, running].sort((a, b) => compareVersions(b.version, a.version));
}

/** From what runs: up to the next required stop; down only where a pin says so and the way back exists. */
function isReachable(
  context: Context,
  component: ComponentName,
  choice: Choice,
  stop: Choice | undefined,
): boolean {
  const running = context.running.get(component);
  if (running === undefined || choice.digest === running.digest) return true;
  if (compareVersions(choice.version, running.version) < 0) {
    return context.pins.governing(component) !== null && !isOneWay(running);
  }
  return stop === undefined || compareVersions(choice.version, stop.version) <= 0;
}

function isOneWay({ release }: Choice): boolean {
  return release?.document.schema === 'fairlead/capability@1' && release.document.reversible === 'no';
}

function worsensExposure(
  context: Context,
  component: ComponentName,
  from: Choice | undefined,
  to: Choice,
): boolean {
  const before = from === undefined ? [] : context.unwanted.of(component, from.version);
  return context.unwanted.of(component, to.version).some((advisory) => !before.includes(advisory));
}
