// HTML that is made of text: whatever stands between the tags of a template is text, unless a template made it.

/** Only `html` makes it. */
export interface Html {
  readonly markup: string;
}

type Part = Html | string | number | boolean | null | undefined | readonly Part[];

/** Values of attributes go in quotes, which text cannot leave. Null, undefined and booleans are nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { markup: strings.map((text, i) => text + markupOf(parts[i])).join('') };
}

export function renderHtml({ markup }: Html): string {
  return `<!doctype html>\n${markup}\n`;
}

function markupOf(part: Part): string {
  if (part === null || part === undefined || typeof part === 'boolean') return '';
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part));
  return 'markup' in part ? part.markup : part.map(markupOf).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
