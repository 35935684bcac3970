// Settings: a default that its own declaration refuses would stop every install that does not set it.
import { mismatch } from '../../../../shared/compile/settings.ts';
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import type { BlueGreen } from '../../../../shared/schema/drivers/blue-green.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import type { Setting } from '../../../../shared/schema/service.ts';
import { problem } from './problem.ts';

type Settings = CapabilityRelease['settings'];

export function findSettingProblems({ settings, service }: CapabilityRelease): readonly DocumentIssue[] {
  const { blueGreen } = service;
  return [
    ...Object.entries(settings).flatMap(([name, setting]) =>
      declarationProblems(`settings.${name}`, setting),
    ),
    ...portDefaults(settings),
    ...(blueGreen === undefined ? [] : slotProblems(blueGreen, settings)),
  ];
}

function declarationProblems(path: string, setting: Setting): readonly DocumentIssue[] {
  const bounds = boundsProblem(path, setting);
  if (bounds !== null) return [bounds];
  const allowed = setting.type === 'string' ? (setting.enum ?? []) : [];
  const values = [
    ...(setting.default === undefined ? [] : [[`${path}.default`, setting.default] as const]),
    ...allowed.map((value, at) => [`${path}.enum.${at}`, value] as const),
  ];
  return values.flatMap(([place, value]) => {
    // The entries of a list need only keep to the other bounds.
    const declared = place.endsWith('.default') ? setting : { ...setting, enum: undefined };
    const expected = mismatch(declared as Setting, value);
    return expected === null ? [] : [problem(place, JSON.stringify(value), expected, `write ${expected}`)];
  });
}

function boundsProblem(path: string, setting: Setting): DocumentIssue | null {
  if (setting.type === 'boolean') return null;
  const [lowKey, low, highKey, high] =
    setting.type === 'integer'
      ? (['minimum', setting.minimum, 'maximum', setting.maximum] as const)
      : (['minLength', setting.minLength, 'maxLength', setting.maxLength] as const);
  if (low === undefined || high === undefined || low <= high) return null;
  return problem(`${path}.${highKey}`, String(high), `at least ${lowKey}, ${low}`, 'exchange the two');
}

/** Two ports with one default: the second program to ask for it fails to start. */
function portDefaults(settings: Settings): readonly DocumentIssue[] {
  const seen = new Map<number, string>();
  return Object.entries(settings).flatMap(([name, setting]) => {
    if (setting.type !== 'integer' || setting.default === undefined || !/(?:^|-)port$/.test(name)) return [];
    const path = `settings.${name}.default`;
    if (setting.default < 0 || setting.default > 65_535) {
      return [problem(path, String(setting.default), 'a port from 1 to 65535', 'correct the port')];
    }
    const before = seen.get(setting.default);
    seen.set(setting.default, name);
    if (before === undefined) return [];
    const expected = `another port than that of the setting "${before}"`;
    return [problem(path, String(setting.default), expected, 'choose another')];
  });
}

/** Each slot is a port of its own, known to the operator and the agent by an integer setting. */
function slotProblems(blueGreen: BlueGreen, settings: Settings): readonly DocumentIssue[] {
  const named = [
    ['service.blueGreen.public', blueGreen.public] as const,
    ...blueGreen.slots.map((name, at) => [`service.blueGreen.slots.${at}`, name] as const),
  ];
  const seen = new Map<number | string, string>();
  return named.flatMap(([path, name]) => {
    const setting = settings[name];
    if (setting?.type !== 'integer') {
      const found =
        setting === undefined ? `"${name}", which is not declared` : `"${name}", of type ${setting.type}`;
      return [
        problem(
          path,
          found,
          'an integer setting that holds a port',
          `declare settings.${name} as an integer`,
        ),
      ];
    }
    const port = setting.default ?? name;
    const before = seen.get(port) ?? seen.get(name);
    seen.set(port, name).set(name, name);
    if (before === undefined) return [];
    return [
      problem(path, `"${name}" with the port of "${before}"`, 'a port of its own', 'give each another port'),
    ];
  });
}
