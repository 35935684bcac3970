// One thing wrong with a manifest, and the commands of a release by their place in it.

import { parseTemplate } from '../../../../shared/encoding/text.ts';
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { commandsOf as serviceCommandsOf } from '../../../../shared/schema/drivers/drivers.ts';
import { commandOf } from '../../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';

export function problem(path: string, found: string, expected: string, remedy: string): DocumentIssue {
  return { path, found, expected, remedy };
}

export function quote(text: string): string {
  return JSON.stringify(text);
}

/** A command and where it stands: `service.exec`, `hooks.preflight.0.exec`. */
export interface PlacedCommand {
  readonly path: string;
  readonly words: readonly string[];
}

export function commandsOf({ service, health, smoke, hooks }: CapabilityRelease): readonly PlacedCommand[] {
  const listed = (path: string, all: readonly { readonly exec: readonly string[] }[]) =>
    all.map(({ exec }, at) => ({ path: `${path}.${at}.exec`, words: exec }));
  return [
    ...serviceCommandsOf(service).map(({ key, words }) => ({ path: `service.${key}`, words })),
    ...health.flatMap((probe, at) => {
      const words = commandOf(probe);
      return words === null ? [] : [{ path: `health.${at}.exec`, words }];
    }),
    ...listed('smoke', smoke),
    ...Object.entries(hooks).flatMap(([kind, all]) => listed(`hooks.${kind}`, all)),
  ];
}

/** Stand for the directories of an install: no path of a real machine begins like these. */
export const TREE = '/\u0001tree';
export const DATA = '/\u0001data';

/** Null where the text depends on a setting that only an operator fills. */
export function fillKnown(text: string, settings: CapabilityRelease['settings']): string | null {
  const parts = parseTemplate(text).map((part) => {
    if (part.kind !== 'variable') return part.text;
    if (part.name === 'dir.tree') return TREE;
    if (part.name === 'dir.data') return DATA;
    const setting = settings[part.name.replace(/^settings\./, '')];
    return setting?.default === undefined ? null : String(setting.default);
  });
  return parts.includes(null) ? null : parts.join('');
}

/** For people: as written, where the stand-ins would show. */
export function asWritten(text: string): string {
  return text.replaceAll(TREE, '${dir.tree}').replaceAll(DATA, '${dir.data}');
}
