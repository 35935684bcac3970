// Which role speaks for a target path: path patterns, and the ordered search through delegations (TUF §5.6.7).
import { createHash } from 'node:crypto';
import type { DelegatedRole, TargetFile, Targets } from './metadata.ts';

/** Bounds what hostile delegators can make a client fetch. */
export const MAX_ROLES_VISITED = 32;

/** One delegation: `role` as `delegator` trusts it. The same role under another delegator is another matter. */
export interface Delegation {
  readonly delegator: string;
  readonly role: string;
}

export type Resolution =
  | { readonly kind: 'found'; readonly role: string; readonly target: TargetFile }
  /** The search cannot go on without this role's metadata. */
  | { readonly kind: 'needs'; readonly delegation: Delegation }
  | { readonly kind: 'absent' };

/** The verified metadata of a role as one delegator trusts it; undefined when it has not been verified so. */
export type LookUp = (delegation: Delegation) => Targets | undefined;

export const TOP_LEVEL_TARGETS: Delegation = { delegator: 'root', role: 'targets' };

/**
 * Pre-order depth-first search, beginning with the top-level targets role. Every role on the way must be allowed to
 * speak for the path; a role is visited once, so cycles end; after a terminating delegation nothing else is asked.
 */
export function resolveTarget(path: string, lookUp: LookUp): Resolution {
  const visited = new Set<string>();
  let pending: readonly Delegation[] = [TOP_LEVEL_TARGETS];
  while (visited.size < MAX_ROLES_VISITED) {
    const [delegation, ...rest] = pending;
    if (delegation === undefined) break;
    pending = rest;
    if (visited.has(delegation.role)) continue;
    const targets = lookUp(delegation);
    if (targets === undefined) return { kind: 'needs', delegation };
    const target = targets.targets.get(path);
    if (target !== undefined) return { kind: 'found', role: delegation.role, target };
    visited.add(delegation.role);
    const next = delegationsFor(path, delegation.role, targets);
    pending = next.terminated ? next.delegations : [...next.delegations, ...rest];
  }
  return { kind: 'absent' };
}

/** True when the delegation covers the path. */
export function isInScope(path: string, scope: DelegatedRole['scope']): boolean {
  return isCovered(path, path.split('/'), scope);
}

function isCovered(path: string, parts: readonly string[], scope: DelegatedRole['scope']): boolean {
  switch (scope.kind) {
    case 'paths':
      return (patternsOf(scope).get(parts.length) ?? []).some((pattern) => matchesPattern(parts, pattern));
    case 'hash-prefixes': {
      const hash = createHash('sha256').update(path, 'utf8').digest('hex');
      return scope.prefixes.some((prefix) => hash.startsWith(prefix.toLowerCase()));
    }
  }
}

type Patterns = ReadonlyMap<number, readonly (readonly string[])[]>;
const knownPatterns = new WeakMap<DelegatedRole['scope'], Patterns>();

/** By their number of parts, each taken apart once: they are asked again for every path. */
function patternsOf(scope: DelegatedRole['scope'] & { readonly kind: 'paths' }): Patterns {
  const known = knownPatterns.get(scope);
  if (known !== undefined) return known;
  const patterns = Map.groupBy(
    scope.patterns.map((pattern) => pattern.split('/')),
    ({ length }) => length,
  );
  knownPatterns.set(scope, patterns);
  return patterns;
}

function delegationsFor(path: string, delegator: string, targets: Targets) {
  const parts = path.split('/');
  const matching = targets.delegations.filter(({ scope }) => isCovered(path, parts, scope));
  const end = matching.findIndex(({ terminating }) => terminating);
  const considered = end === -1 ? matching : matching.slice(0, end + 1);
  return {
    delegations: considered.map(({ name }) => ({ delegator, role: name })),
    terminated: end !== -1,
  };
}

/** TUF §4.5: `*` and `?` never match a path separator, so both have the same number of parts. */
function matchesPattern(parts: readonly string[], pattern: readonly string[]): boolean {
  return pattern.every((part, index) => matchesPart(parts[index] ?? '', part));
}

/** Goes back to the last `*` only, so no pattern makes it slow. */
function matchesPart(text: string, pattern: string): boolean {
  if (pattern === '*' || text === pattern) return true;
  if (!/[*?]/.test(pattern)) return false;
  const characters = [...text];
  const wanted = [...pattern];
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < characters.length; ) {
    if (wanted[at] === '*') {
      star = at++;
      resume = i;
    } else if (wanted[at] === '?' || wanted[at] === characters[i]) {
      at++;
      i++;
    } else if (star !== -1) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  return wanted.slice(at).every((character) => character === '*');
}
