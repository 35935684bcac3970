// The order of versions as Debian and Alpine have it: which of two is the newer one.

/** Negative, zero or positive; NaN where one of them is no version there. */
export type Order = (a: string, b: string) => number;

/** Debian policy §5.6.12: epoch, upstream version, revision; a tilde is before the end. */
export const compareDebian: Order = (a, b) => {
  const [one, other] = [debianParts(a), debianParts(b)];
  if (one === null || other === null) return Number.NaN;
  return (
    one.epoch - other.epoch ||
    byRuns(one.upstream, other.upstream, /\d*/y, debianText) ||
    byRuns(one.revision, other.revision, /\d*/y, debianText)
  );
};

function debianParts(version: string) {
  const found = /^(?:(\d+):)?([\d~][A-Za-z\d.+:~-]*)$/.exec(version);
  if (found === null) return null;
  const [, epoch = '0', rest = ''] = found;
  const dash = rest.lastIndexOf('-');
  return {
    epoch: Number(epoch),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** Character by character: a tilde, the end, letters, all others. */
function debianText(a: string, b: string): number {
  const rank = (text: string, at: number) => {
    const char = text[at];
    if (char === '~') return -1;
    if (char === undefined) return 0;
    return char.charCodeAt(0) + (/[a-z]/i.test(char) ? 0 : 256);
  };
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = rank(a, at) - rank(b, at);
    if (order !== 0) return order;
  }
  return 0;
}

/** Text and numbers by turns, the text first. */
function byRuns(a: string, b: string, digits: RegExp, byText: Order): number {
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [one, other] = [/\D*/y, /\D*/y].map((form, at) => takeAt(at === 0 ? a : b, at === 0 ? i : j, form));
    const order = byText(one ?? '', other ?? '');
    if (order !== 0) return order;
    i += one?.length ?? 0;
    j += other?.length ?? 0;
    const [number, second] = [takeAt(a, i, digits), takeAt(b, j, digits)];
    const numbers = compareNumbers(number, second);
    if (numbers !== 0) return numbers;
    i += number.length;
    j += second.length;
  }
  return 0;
}

function takeAt(text: string, at: number, form: RegExp): string {
  form.lastIndex = at;
  return form.exec(text)?.[0] ?? '';
}

/** However many digits they have. */
function compareNumbers(a: string, b: string): number {
  const [one, other] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

/** apk-tools: numbers, a letter, suffixes of which some are before the end, a revision `-r5`. */
export const compareAlpine: Order = (a, b) => {
  const [one, other] = [alpineParts(a), alpineParts(b)];
  if (one === null || other === null) return Number.NaN;
  for (let at = 0; at < Math.max(one.numbers.length, other.numbers.length); at++) {
    const [first, second] = [one.numbers[at], other.numbers[at]];
    if (first === undefined || second === undefined) return first === undefined ? -1 : 1;
    const order = compareNumbers(first, second);
    if (order !== 0) return order;
  }
  if (one.letter !== other.letter) return one.letter < other.letter ? -1 : 1;
  for (let at = 0; at < Math.max(one.suffixes.length, other.suffixes.length); at++) {
    const order = rankOf(one.suffixes[at]) - rankOf(other.suffixes[at]);
    if (order !== 0) return order;
    const numbers = compareNumbers(one.suffixes[at]?.[2] ?? '', other.suffixes[at]?.[2] ?? '');
    if (numbers !== 0) return numbers;
  }
  return compareNumbers(one.revision, other.revision);
};

function alpineParts(version: string) {
  const found = /^(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$/.exec(version);
  if (found === null) return null;
  const [, numbers = '', letter = '', rest = '', revision = '0'] = found;
  const suffixes = [...rest.matchAll(/_([a-z]+)(\d*)/g)];
  if (suffixes.some(([, word = '']) => !SUFFIXES.includes(word))) return null;
  return {
    numbers: numbers.split('.'),
    letter,
    suffixes,
    revision,
  };
}

const SUFFIXES = ['alpha', 'beta', 'pre', 'rc', '', 'cvs', 'svn', 'git', 'hg', 'p'];

/** None is between those that come before a release and those after it. */
function rankOf(suffix: readonly string[] | undefined): number {
  return SUFFIXES.indexOf(suffix?.[1] ?? '');
}
