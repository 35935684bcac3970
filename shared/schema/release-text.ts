// The texts of a capability's release: where variables may stand, which of them exist, and what no release may ask for.
import { parseTemplate } from '../encoding/template.ts';
import type { HealthProbe, Hook, Service, Setting } from './service.ts';

/** The parts of a release that hold text which the agent fills or hands to a service. */
export interface ReleaseTexts {
  readonly service: Service;
  readonly settings: Readonly<Record<string, Setting>>;
  readonly health: readonly HealthProbe[];
  readonly smoke: readonly Hook[];
  readonly hooks: Readonly<Record<string, readonly Hook[]>>;
}

export type TextPath = readonly (string | number)[];

export interface TextProblem {
  readonly path: TextPath;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

type Located = readonly [path: TextPath, text: string];

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
    ...literalsOf(release.settings).flatMap(literalProblem),
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

/** They are never filled; yet what looks like a reference would mislead whoever reads it. */
function literalProblem([path, text]: Located): readonly TextProblem[] {
  return REFERENCE.test(text) ? [reference(path, text)] : [];
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

function templatesOf({ service, health, smoke, hooks }: ReleaseTexts): readonly Located[] {
  return [
    ...serviceTexts(service),
    ...health.flatMap((probe, i) => probeTexts(probe, ['health', i])),
    ...smoke.flatMap(({ exec }, i) => words(exec, ['smoke', i, 'exec'])),
    ...Object.entries(hooks).flatMap(([kind, all]) =>
      all.flatMap(({ exec }, i) => words(exec, ['hooks', kind, i, 'exec'])),
    ),
  ];
}

function serviceTexts(service: Service): readonly Located[] {
  const env = Object.entries(service.env).map(([name, text]): Located => [['service', 'env', name], text]);
  switch (service.driver) {
    case 'process':
    case 'systemd':
      return [...words(service.exec, ['service', 'exec']), ...env];
    case 'command':
      return [
        ...words(service.start, ['service', 'start']),
        ...words(service.stop, ['service', 'stop']),
        ...words(service.status, ['service', 'status']),
        ...env,
      ];
    case 'compose':
      return env;
  }
}

function probeTexts(probe: HealthProbe, path: TextPath): readonly Located[] {
  if ('exec' in probe) return words(probe.exec, [...path, 'exec']);
  if ('tcp' in probe) return [[[...path, 'tcp'], probe.tcp]];
  return [
    [[...path, 'http'], probe.http],
    ...(probe.contains === undefined ? [] : [[[...path, 'contains'], probe.contains] as const]),
  ];
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
