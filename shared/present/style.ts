// Emphasis on a terminal; plain text everywhere else.

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
}

const CODES = { bold: [1, 22], dim: [2, 22], good: [32, 39], warn: [33, 39], bad: [31, 39] } as const;

export function createStyle(color: boolean): Style {
  const wrap = (name: keyof typeof CODES) => {
    const [on, off] = CODES[name];
    return (text: string) => (color ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  };
  return { bold: wrap('bold'), dim: wrap('dim'), good: wrap('good'), warn: wrap('warn'), bad: wrap('bad') };
}

/** NO_COLOR (no-color.org): any non-empty value turns colour off. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}
