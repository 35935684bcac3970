// Templates: text with variables written `${NAME}`, and `$${` for a `${` that stands for itself.

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** A `${` that nothing closes. */
  | { readonly kind: 'unclosed'; readonly text: string };

const TOKEN = /\$\$\{|\$\{([^}]*)(\}?)/g;

/** The parts in order; one pass, so that what a variable stands for is never looked at again. */
export function parseTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token, name, close] = match;
    if (match.index > at) parts.push({ kind: 'text', text: text.slice(at, match.index) });
    at = match.index + token.length;
    if (name === undefined) parts.push({ kind: 'text', text: '${' });
    else if (close === '}') parts.push({ kind: 'variable', name });
    else parts.push({ kind: 'unclosed', text: token });
  }
  if (at < text.length) parts.push({ kind: 'text', text: text.slice(at) });
  return parts;
}
