// Constraints: what choosing one version demands of the others, by bill of materials and by requirements.

import type { ComponentName } from '../schema/release-ref.ts';
import { isAbove, isBelow, type Range, satisfies } from '../version/version.ts';
import { isEnabled, isNamed } from './config.ts';
import { type Context, suiteOf } from './context.ts';
import { type AnyRelease, billOfMaterials, isCapability } from './releases.ts';
import type { Constraint, Variable } from './solve.ts';
import { isCapabilityName, isStandingForced, type Option } from './variables.ts';

type Demand = Constraint<Option>;

/** The demands of each choice, made anew each time. */
export function createConstraints(
  context: Context,
  variables: readonly Variable<Option>[],
): (name: ComponentName, option: Option) => readonly Demand[] {
  const children = childrenByParent(variables.map((variable) => variable.name));
  return (name, option) => {
    const release = option?.release ?? null;
    if (release === null) return [];
    const required = requirementsOf(name, release);
    if (isCapability(release)) return required;
    const listed = listedChildren(context, name, release);
    return [...required, ...listed, ...unlistedChildren(context, name, release, children)];
  };
}

export function requirementsOf(name: ComponentName, release: AnyRelease): readonly Demand[] {
  const { requires } = release.document;
  return Object.keys(requires).map((on) => new Requirement(name, release, on, requires[on] as Range));
}

/** One of these is made for each version that is passed by on the way down, which may be all. */
class Requirement implements Demand {
  readonly on: ComponentName;
  readonly #owner: ComponentName;
  readonly #release: AnyRelease;
  readonly #range: Range;

  constructor(owner: ComponentName, release: AnyRelease, on: ComponentName, range: Range) {
    this.on = on;
    this.#owner = owner;
    this.#release = release;
    this.#range = range;
  }

  allows(option: Option): boolean {
    return option !== null && satisfies(option.version, this.#range);
  }

  isBelow(option: Option): boolean {
    return option === null || isBelow(option.version, this.#range);
  }

  because(): string {
    return `${this.#owner} ${this.#release.document.version} requires ${this.on} ${this.#range}`;
  }
}

/** What a platform or suite ships, as far as the instance has it enabled. */
export function listedChildren(
  context: Context,
  name: ComponentName,
  release: AnyRelease,
): readonly Demand[] {
  return billOfMaterials(release)
    .filter(([child]) => isWanted(context, child))
    .map(([child, range]) => ({
      on: child,
      allows: (option) => option !== null && isShippedVersion(context, child, range, option),
      because: () => `${name} ${release.document.version} ships ${child} ${range}`,
    }));
}

/**
 * The nearest level decides: a pin on the component itself overrides what its parent ships. A bill of materials never
 * lowers what runs, unless a pin chose that parent; not even then what an open advisory has forced. A required stop on
 * the way up to its range will do.
 */
function isShippedVersion(
  context: Context,
  child: ComponentName,
  range: Range,
  option: NonNullable<Option>,
): boolean {
  if (context.pins.on(child).length > 0 || satisfies(option.version, range)) return true;
  const isRunning = option.digest === context.running.get(child)?.digest;
  const isFree = context.pins.governing(child) === null || isStandingForced(context, child, option);
  if (isRunning && isFree && isAbove(option.version, range)) return true;
  return option.digest === context.stops.get(child)?.digest && isBelow(option.version, range);
}

/** A child that its parent does not list is not installed, unless it runs already or the admin named it. */
function unlistedChildren(
  context: Context,
  name: ComponentName,
  release: AnyRelease,
  children: ReadonlyMap<ComponentName, readonly ComponentName[]>,
): readonly Demand[] {
  const listed = new Set(billOfMaterials(release).map(([child]) => child));
  const unlisted = (children.get(name) ?? []).filter((child) => !listed.has(child));
  const unwanted = unlisted.filter((child) => !isKept(context, child));
  return unwanted
    .flatMap((child) => [child, ...(children.get(child) ?? []).filter((one) => !isKept(context, one))])
    .map((child) => ({
      on: child,
      allows: (option) => option === null,
      because: () => `${name} ${release.document.version} does not ship ${child}`,
    }));
}

function isKept(context: Context, component: ComponentName): boolean {
  const [suite = '', capability] = component.split('/');
  if (isNamed(context.input.config, suite, capability)) return true;
  if (context.running.has(component)) return true;
  const parts = [...context.running.keys()];
  return capability === undefined && parts.some((one) => suiteOf(one) === component);
}

function isWanted(context: Context, component: ComponentName): boolean {
  const [suite = '', capability] = component.split('/');
  return isEnabled(context.input.config, suite, capability);
}

function childrenByParent(
  names: readonly ComponentName[],
): ReadonlyMap<ComponentName, readonly ComponentName[]> {
  return Map.groupBy(
    names.filter((name) => name !== 'platform'),
    (name) => (isCapabilityName(name) ? (suiteOf(name) ?? name) : 'platform'),
  );
}
