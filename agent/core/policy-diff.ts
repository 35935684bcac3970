// What a change does to the policy, line by line, as a person reads it before saying yes.
import type { Policy } from '../../shared/schema/policy.ts';

/** `- channel: "auto"`, `+ channel: "frozen"`; empty when nothing changes. */
export function diffPolicies(before: Policy, after: Policy): string[] {
  const old = flatten('', before);
  const next = flatten('', after);
  const without = (lines: readonly string[], others: readonly string[]) =>
    lines.filter((line) => !others.includes(line));
  return [...without(old, next).map((line) => `- ${line}`), ...without(next, old).map((line) => `+ ${line}`)];
}

/** An entry of a list is one line: it is added or removed as a whole. */
function flatten(path: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.map((entry) => `${path}: ${JSON.stringify(entry)}`);
  if (typeof value !== 'object' || value === null) return [`${path}: ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(path === '' ? key : `${path}.${key}`, inner),
  );
}
