// The release's texts with what is known without an install: defaults of settings, and where tree and data will be.
import { parseTemplate } from '../../../../shared/encoding/text.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';

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
