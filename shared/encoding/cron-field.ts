// One field of a cron expression: lists, ranges, steps and names become ascending numbers.

/** What a person is told; it never leaves this folder as an exception. */
export class FieldProblem extends Error {}

/** Names in the order of the field's numbers; the first three letters will do. */
export type Names = readonly string[];

export interface FieldKind {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names?: Names;
  /** One number more, which is another spelling of the first: 7 for Sunday. */
  readonly again?: number;
}

/** Each number once, ascending. A range may go over the end, as `22-2` or `fri-mon`. Throws FieldProblem. */
export function readField(text: string, kind: FieldKind): readonly number[] {
  const numbers = text.split(',').flatMap((item) => readItem(item, kind));
  return [...new Set(numbers)].sort((a, b) => a - b);
}

const ITEM = /^(?:(?<any>\*)|(?<low>[a-z0-9]+)(?:-(?<high>[a-z0-9]+))?)(?:\/(?<step>\d{1,4}))?$/;

export function readItem(item: string, kind: FieldKind): readonly number[] {
  const { any, low, high, step } = ITEM.exec(item)?.groups ?? {};
  if (any === undefined && low === undefined) throw unreadable(item, kind);
  const isSpan = any !== undefined || high !== undefined;
  if (step !== undefined && (Number(step) === 0 || !isSpan)) throw unreadable(item, kind);
  if (low === undefined) return every(step, span(kind.from, kind.to, kind));
  const from = readNumber(low, item, kind);
  const to = high === undefined ? from : readNumber(high, item, kind);
  // From Sunday to Sunday is the week, and Sunday to Tuesday begins on Sunday however it is spelled.
  if (from === kind.from && to === kind.again) return every(step, span(kind.from, kind.to, kind));
  return every(step, span(spelled(from, kind), spelled(to, kind), kind));
}

export function spelled(value: number, { from, again }: FieldKind): number {
  return value === again ? from : value;
}

function every(step: string | undefined, numbers: readonly number[]): readonly number[] {
  return numbers.filter((_, i) => i % Number(step ?? 1) === 0);
}

export function readNumber(text: string, item: string, kind: FieldKind): number {
  const named =
    kind.names?.findIndex((name) => name === text || (text.length === 3 && name.startsWith(text))) ?? -1;
  if (named >= 0) return kind.from + named;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= kind.from && value <= (kind.again ?? kind.to)) return value;
  throw unreadable(item, kind);
}

export function unreadable(item: string, { name, from, to }: FieldKind): FieldProblem {
  return new FieldProblem(
    `"${item.slice(0, 40)}" is no ${name}: write ${from} to ${to}, a list, a range, or a step such as */2`,
  );
}

function span(from: number, to: number, kind: FieldKind): readonly number[] {
  if (from <= to) return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return [...span(from, kind.to, kind), ...span(kind.from, to, kind)];
}
