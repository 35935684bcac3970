// The texts of a capability's release: where variables may stand, which of them exist, and what no release may ask for.
import { parseTemplate } from '../encoding/text.ts';
import type { Located, TextPath } from './common.ts';
import { commandsOf, type Service } from './drivers/drivers.ts';
import { commandOf, type HealthProbe, textsOf } from './probes/probes.ts';
import type { Hook, Setting } from './service.ts';

/** The parts of a release that hold text which the agent fills or hands to a service. */
export interface ReleaseTexts {
  readonly service: Service;
  readonly settings: Readonly<Record<string, Setting>>;
  readonly health: readonly HealthProbe[];
  readonly smoke: readonly Hook[];
  readonly hooks: Readonly<Record<string, readonly Hook[]>>;
}

export interface TextProblem {
  readonly path: TextPath;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

const REFERENCE = /\$\{(?:env|file):/;

/** Everything in them that would fail on every machine, or that only the operator of one may say. */
export function findTextProblems(release: ReleaseTexts): readonly TextProblem[] {
  const known = new Set([
    'dir.tree',
    'dir.data',
    ...Object.keys(release.settings).map((name) => `settings.${name}`),
  ]);
  return [
    ...templatesOf(release).flatMap((located) => templateProblems(located, known)),
    ...commandTexts(release).flatMap((located) => secretProblems(located, release.settings)),
    ...literalsOf(release.settings).flatMap(literalProblem),
    ...Object.entries(release.settings).flatMap(publicSecret),
  ];
}

function templateProblems([path, text]: Located, known: ReadonlySet<string>): readonly TextProblem[] {
  return parseTemplate(text).flatMap((part) => {
    if (part.kind === 'text' || (part.kind === 'variable' && known.has(part.name))) return [];
    const found = part.kind === 'variable' ? `\${${part.name}}` : part.text;
    if (REFERENCE.test(found)) return [reference(path, found)];
    return [
      {
        path,
        found,
        expected: '${settings.NAME} of a declared setting, ${dir.tree} or ${dir.data}',
        remedy: 'use one of them, declare the setting, or write "$${" for a "${" that stands for itself',
      },
    ];
  });
}

/** The words of a command can be read by every account of the machine while it runs. */
function secretProblems([path, text]: Located, settings: ReleaseTexts['settings']): readonly TextProblem[] {
  return parseTemplate(text).flatMap((part) => {
    const setting = part.kind === 'variable' ? settings[part.name.replace(/^settings\./, '')] : undefined;
    if (part.kind !== 'variable' || setting?.type !== 'string' || setting.secret !== true) return [];
    return [
      {
        path,
        found: `\${${part.name}}`,
        expected: 'no secret in a command, whose words every account of the machine can read',
        remedy: 'hand it over in service.env and let the program read it there',
      },
    ];
  });
}

/** They are never filled; yet what looks like a reference would mislead whoever reads it. */
function literalProblem([path, text]: Located): readonly TextProblem[] {
  return REFERENCE.test(text) ? [reference(path, text)] : [];
}

function publicSecret([name, setting]: [string, Setting]): readonly TextProblem[] {
  if (setting.type !== 'string' || setting.secret !== true || setting.default === undefined) return [];
  return [
    {
      path: ['settings', name, 'default'],
      found: 'a default',
      expected: 'no default for a secret: every install would have the same, and the release tells it',
      remedy: 'leave the default out, for the operator to give a value',
    },
  ];
}

function reference(path: TextPath, found: string): TextProblem {
  return {
    path,
    found,
    expected:
      'no ${env:…} and no ${file:…}: only the operator of an install may refer to its files and variables',
    remedy: 'declare a setting without a default, for the operator to fill',
  };
}

function templatesOf(release: ReleaseTexts): readonly Located[] {
  const { service, health } = release;
  return [
    ...serviceCommands(service),
    ...Object.entries(service.env).map(([name, text]): Located => [['service', 'env', name], text]),
    ...health.flatMap(probeTexts),
    ...taskCommands(release),
  ];
}

/** Every word of every command: of the service, its probes, smoke tests and hooks. */
export function commandTexts(release: ReleaseTexts): readonly Located[] {
  const probes = release.health.flatMap((probe, i) =>
    commandOf(probe) === null ? [] : probeTexts(probe, i),
  );
  return [...serviceCommands(release.service), ...probes, ...taskCommands(release)];
}

function taskCommands({ smoke, hooks }: ReleaseTexts): readonly Located[] {
  return [
    ...smoke.flatMap(({ exec }, i) => words(exec, ['smoke', i, 'exec'])),
    ...Object.entries(hooks).flatMap(([kind, all]) =>
      all.flatMap(({ exec }, i) => words(exec, ['hooks', kind, i, 'exec'])),
    ),
  ];
}

function serviceCommands(service: Service): readonly Located[] {
  return commandsOf(service).flatMap(({ key, words: texts }) => words(texts, ['service', key]));
}

function probeTexts(probe: HealthProbe, index: number): readonly Located[] {
  return textsOf(probe).map(([path, text]) => [['health', index, ...path], text]);
}

function words(texts: readonly string[], path: TextPath): readonly Located[] {
  return texts.map((text, i) => [[...path, i], text]);
}

function literalsOf(settings: ReleaseTexts['settings']): readonly Located[] {
  return Object.entries(settings).flatMap(([name, setting]): Located[] => {
    if (setting.type !== 'string') return [];
    const defaults = setting.default === undefined ? [] : [setting.default];
    const allowed = (setting.enum ?? []).map((text, i): Located => [['settings', name, 'enum', i], text]);
    return [...defaults.map((text): Located => [['settings', name, 'default'], text]), ...allowed];
  });
}
