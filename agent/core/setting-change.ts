// Settings as an operator sees and changes them: which release must take a value, and what of it may be shown.
import type { Compiled } from '../../shared/compile/compile.ts';
import { capabilityConfigOf } from '../../shared/compile/config.ts';
import { holdsReference, isReference } from '../../shared/compile/references.ts';
import { withSetting } from '../../shared/compile/setting-edit.ts';
import { checkSettings, describeSetting } from '../../shared/compile/settings.ts';
import type { SettingIssue, Target } from '../../shared/compile/target.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import type { DocumentIssue } from '../../shared/errors/document.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { SettingRow } from '../../shared/protocol/settings.ts';
import { type ComponentKey, componentKeyOf } from '../../shared/schema/common.ts';
import type { InstanceConfig, SettingValue } from '../../shared/schema/instance.ts';
import type { CapabilityRelease } from '../../shared/schema/release.ts';

/** A release whose settings matter here. */
export interface Concerned {
  readonly release: CapabilityRelease;
  readonly state: SettingRow['state'];
  /** The next deployment would bring or keep it. What else runs keeps the configuration it was deployed under. */
  readonly isWanted: boolean;
}

interface Edit {
  readonly component: ComponentKey;
  readonly key: string;
  /** As it was typed; null takes the setting away. */
  readonly value: string | null;
}

/** What the next deployment would bring first, then what runs; each release once. */
export function concernedReleases(
  current: Target | null,
  { desired, emergency, fixes }: Compiled,
): readonly Concerned[] {
  const wanted = [desired.kind === 'compiled' ? desired.target : null, emergency.target, fixes.target];
  const running = new Set<string>(current?.manifest.components.map(({ release }) => release));
  const found = new Map<string, Concerned>();
  for (const target of [...wanted, current]) {
    for (const { digest, document: release } of target?.releases.values() ?? []) {
      const state = running.has(digest) ? 'running' : 'offered';
      if (!found.has(digest)) found.set(digest, { release, state, isWanted: target !== current });
    }
  }
  return [...found.values()];
}

/** Every setting that the next deployment will ask for, and what is given though there is no such setting. */
export function settingRows(concerned: readonly Concerned[], config: InstanceConfig): readonly SettingRow[] {
  const decisive = [...Map.groupBy(concerned, ({ release }) => keyOf(release)).values()].flatMap(decisiveOf);
  return decisive.flatMap(({ state, release }) => {
    const component = keyOf(release);
    const given = givenTo(release, config);
    const issues = new Map(checkSettings(release, config).map((issue) => [issue.key, issue]));
    return [...new Set([...Object.keys(release.settings), ...issues.keys()])]
      .sort()
      .map((key): SettingRow => {
        const declared = ownOf(release.settings, key);
        const value = ownOf(given, key) ?? declared?.default;
        const secret = isSecret(concerned, component, key);
        return {
          ...{ component, version: release.version, state, key, secret },
          expected: declared === undefined ? 'no such setting' : describeSetting(declared),
          value: value === undefined ? null : shown(value, secret),
          from: ownOf(given, key) !== undefined ? 'instance' : value === undefined ? 'nowhere' : 'default',
          problem: problemOf(issues.get(key)),
          about: declared?.description ?? null,
        };
      });
  });
}

/** What comes of it, for people and for the log: no secret is in the texts. */
export interface SettingChange {
  readonly config: InstanceConfig;
  readonly changes: readonly string[];
  readonly notes: readonly string[];
}

/** One release that is wanted has to take it; what the others say is a note. Errors: document/invalid, setting/no-component. */
export function changeSetting(
  concerned: readonly Concerned[],
  before: InstanceConfig,
  edit: Edit,
): SettingChange {
  const mine = concerned.filter(({ release }) => keyOf(release) === edit.component);
  const judged = mine.map((one) => ({ ...one, verdict: judge(before, one.release, edit) }));
  const decisive = decisiveOf(judged).map(({ verdict }) => verdict);
  const taken = decisive.find((verdict) => verdict.kind === 'taken');
  if (taken?.kind !== 'taken') {
    const [refused] = decisive;
    if (refused?.kind === 'refused') throw refused.error;
    const components = [...new Set(concerned.map(({ release }) => keyOf(release)))].sort().join(', ');
    throw new FairleadError('setting/no-component', { component: edit.component, components });
  }
  const secret = isSecret(mine, edit.component, edit.key);
  const refusals = judged.flatMap(({ state, release, verdict }) =>
    verdict.kind === 'refused'
      ? [`${release.version}, which ${WHICH[state]}, does not take it: ${verdict.why}`]
      : [],
  );
  return {
    config: taken.config,
    changes: diff(before, taken.config, edit, secret),
    notes: [...refusals, ...(isBare(secret, edit.value) ? [OPEN_SECRET] : [])],
  };
}

/** Of one component: where nothing of it is wanted, what runs is all that can be asked. */
function decisiveOf<One extends Concerned>(releases: readonly One[]): readonly One[] {
  const wanted = releases.filter(({ isWanted }) => isWanted);
  return wanted.length === 0 ? releases : wanted;
}

const WHICH = { running: 'runs', offered: 'is on offer' } as const;

const OPEN_SECRET =
  'a secret on a command line is seen by every account of the machine: better keep it in a file, and give ${file:PATH}';

type Judgement =
  | { readonly kind: 'taken'; readonly config: InstanceConfig }
  | { readonly kind: 'refused'; readonly error: FairleadError; readonly why: string };

function judge(before: InstanceConfig, release: CapabilityRelease, { key, value }: Edit): Judgement {
  try {
    return { kind: 'taken', config: withSetting(before, release, key, value) };
  } catch (error) {
    if (!isFairleadError(error, 'document/invalid')) throw error;
    const [issue] = error.data.issues;
    return { kind: 'refused', error, why: issue === undefined ? 'it is not valid' : explain(issue) };
  }
}

function diff(
  before: InstanceConfig,
  after: InstanceConfig,
  { component, key }: Edit,
  secret: boolean,
): readonly string[] {
  const [suite = '', name = ''] = component.split('/');
  const [was, is] = [before, after].map((config) => ownOf(givenTo({ suite, name }, config), key));
  if (was === is) return [];
  const line = (sign: string, value: SettingValue | undefined) =>
    value === undefined ? [] : [`${sign} ${component} ${key}: ${shown(value, secret) ?? 'a secret'}`];
  return [...line('-', was), ...line('+', is)];
}

/** As JSON; null where nobody may read it. */
function shown(value: string | number | boolean, secret: boolean): string | null {
  if (secret && !(typeof value === 'string' && isReference(value))) return null;
  return sanitizeLine(JSON.stringify(value), 500);
}

function isBare(secret: boolean, value: string | null): boolean {
  return secret && value !== null && !holdsReference(value);
}

/** What one version calls a secret is one for the others too; of what none declares, nobody knows. */
function isSecret(concerned: readonly Concerned[], component: ComponentKey, key: string): boolean {
  const declarations = concerned.flatMap(({ release }) => {
    const declared = keyOf(release) === component ? ownOf(release.settings, key) : undefined;
    return declared ?? [];
  });
  return (
    declarations.length === 0 || declarations.some((one) => one.type === 'string' && one.secret === true)
  );
}

function problemOf(issue: SettingIssue | undefined): string | null {
  return issue === undefined ? null : explain(issue);
}

function explain({ expected, found, remedy }: DocumentIssue): string {
  return `expected ${expected}, found ${found}; ${remedy}`;
}

function givenTo({ suite, name }: Pick<CapabilityRelease, 'suite' | 'name'>, config: InstanceConfig) {
  return capabilityConfigOf(config, suite, name).settings;
}

function keyOf({ suite, name }: CapabilityRelease): ComponentKey {
  return componentKeyOf(suite, name);
}

// "constructor" is a legal name of a setting: only own keys count.
function ownOf<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
