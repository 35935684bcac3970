// Changing the local policy: one edit at a time, by somebody, for a reason.

import { findPinProblem, type KnownVersions } from '../../shared/compile/pin-report.ts';
import { formatPin, pinnedComponent } from '../../shared/compile/pins.ts';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import type { Pieces } from '../../shared/encoding/pieces.ts';
import { assertNever, FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { findUnsatisfiable } from '../../shared/policy/satisfiable.ts';
import type { PolicyEdit } from '../../shared/protocol/admin-policy.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import type { Pin } from '../../shared/schema/pin.ts';
import {
  type Approvals,
  DEFAULT_POLICY,
  type FixesFrom,
  type Policy,
  PROPOSAL_KINDS,
  policy,
  standingOf,
} from '../../shared/schema/policy.ts';

export interface Author {
  readonly by: string;
  readonly reason: string;
  readonly at: EpochMs;
  /** How long this agent watches, where it was told so over the policy's word. */
  readonly soakMs?: number | undefined;
}

/**
 * `known` is null when the policy is lost: only naming a channel begins a new one, for that is the choice that matters.
 * `versions` is what a new pin can be about; null where that was looked at already.
 * Errors: policy/unreadable, policy/no-such-*, policy/pin-in-vain, policy/unsatisfiable, document/invalid.
 */
export function* editPolicy(
  known: Policy | null,
  edit: PolicyEdit,
  author: Author,
  versions: KnownVersions | null = null,
): Pieces<Policy> {
  if (known === null && edit.kind !== 'channel') {
    throw new FairleadError('policy/unreadable', { path: 'settings.json', problem: 'it is missing' });
  }
  const before = known ?? DEFAULT_POLICY;
  const edited = parseEdited(changed(before, edit, author));
  if (edit.kind === 'pin' && versions !== null) verifyUseful(edited.pins, edit.component, versions);
  // Only what this edit breaks: a policy that is wrong already must stay mendable, one edit after the other.
  const problems = yield* findUnsatisfiable(edited, author.at, author.soakMs);
  const already = problems.length === 0 ? [] : yield* findUnsatisfiable(before, author.at, author.soakMs);
  const [problem] = problems.filter((each) => !already.includes(each));
  if (problem !== undefined) throw new FairleadError('policy/unsatisfiable', { problem });
  return edited;
}

/** A slip is told to whoever makes it: later it would freeze the install, or protect nothing in silence. */
function verifyUseful(pins: readonly Pin[], component: string, versions: KnownVersions): void {
  const added = pins.find((pin) => pinnedComponent(pin) === component);
  const problem = added === undefined ? null : findPinProblem(added, versions);
  if (added === undefined || problem === null) return;
  throw new FairleadError('policy/pin-in-vain', { pin: formatPin(added), problem });
}

/** Not yet checked: the schema has the last word. */
function changed(known: Policy, edit: PolicyEdit, { by, reason, at }: Author): object {
  switch (edit.kind) {
    case 'channel':
      return { ...known, channel: edit.channel };
    case 'pin':
      return withPin(known, edit, by, reason);
    case 'unpin':
      return { ...known, pins: withoutPin(known.pins, edit.component) };
    case 'hold':
      return { ...known, [holdKey(edit)]: { since: formatInstant(at), until: edit.until, reason, by } };
    case 'release':
      return Object.fromEntries(Object.entries(known).filter(([key]) => key !== holdKey(edit)));
    case 'window': {
      const { kind: _kind, list, ...window } = edit;
      const others = dropWindow(known.windows, edit.name);
      return { ...known, windows: { ...others, [list]: [...others[list], window] } };
    }
    case 'unwindow':
      return { ...known, windows: withoutWindow(known.windows, edit.name) };
    case 'approver': {
      const { name, key } = edit;
      const others = known.approvals.approvers.filter((one) => one.name !== name);
      return { ...known, approvals: { ...known.approvals, approvers: [...others, { name, key }] } };
    }
    case 'unapprover':
      return { ...known, approvals: withoutApprover(known.approvals, edit.name) };
    case 'required':
      return { ...known, approvals: { ...known.approvals, required: edit.required } };
    case 'remote':
      return { ...known, remote: withStanding(known, edit) };
    case 'security':
      return withFixesFrom(known, edit.from);
    case 'template':
      return { ...known, channel: edit.channel, ...(edit.windows && { windows: edit.windows }) };
    default:
      return assertNever(edit);
  }
}

/** What is so without a word stays unsaid: an earlier version reads no policy that says more than it knows. */
function withFixesFrom({ security: _before, ...others }: Policy, from: FixesFrom): object {
  return from === 'critical' ? others : { ...others, security: { from } };
}

/** One word where all kinds have the same: what an earlier version reads, and a person. */
function withStanding(known: Policy, edit: PolicyEdit & { kind: 'remote' }): Policy['remote'] {
  const kinds = PROPOSAL_KINDS.map((kind) => {
    return [kind, edit.of.includes(kind) ? edit.standing : standingOf(known, kind)] as const;
  });
  const isSame = kinds.every(([, standing]) => standing === kinds[0]?.[1]);
  return isSame && kinds[0] !== undefined ? kinds[0][1] : Object.fromEntries(kinds);
}

function withPin(known: Policy, edit: PolicyEdit & { kind: 'pin' }, owner: string, reason: string): object {
  const { component, version, expires } = edit;
  const pin = { ...levelOf(component), version, owner, reason, ...(expires && { expires }) };
  return { ...known, pins: [...known.pins.filter((one) => pinnedComponent(one) !== component), pin] };
}

function withoutPin(pins: readonly Pin[], component: string): readonly Pin[] {
  const left = pins.filter((pin) => pinnedComponent(pin) !== component);
  if (left.length < pins.length) return left;
  throw new FairleadError('policy/no-such-pin', { component, pinned: listed(pins.map(pinnedComponent)) });
}

function dropWindow({ allow, deny }: Policy['windows'], name: string): Policy['windows'] {
  return {
    allow: allow.filter((window) => window.name !== name),
    deny: deny.filter((window) => window.name !== name),
  };
}

function withoutWindow(windows: Policy['windows'], name: string): Policy['windows'] {
  const names = [...windows.allow, ...windows.deny].map((window) => window.name);
  if (names.includes(name)) return dropWindow(windows, name);
  throw new FairleadError('policy/no-such-window', { name, known: listed(names) });
}

function withoutApprover(approvals: Approvals, name: string): Approvals {
  const { approvers } = approvals;
  const left = approvers.filter((one) => one.name !== name);
  if (left.length < approvers.length) return { ...approvals, approvers: left };
  throw new FairleadError('policy/no-such-approver', {
    name,
    known: listed(approvers.map((one) => one.name)),
  });
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

function levelOf(component: string): object {
  if (component === 'platform') return { level: 'platform' };
  return { level: component.includes('/') ? 'capability' : 'suite', name: component };
}

function holdKey(edit: { readonly emergency: boolean }): 'hold' | 'emergencyHold' {
  return edit.emergency ? 'emergencyHold' : 'hold';
}

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

/** Nobody typed the document: what is wrong with it is named as they typed it, each part once, by its closest rule. */
function parseEdited(value: unknown): Policy {
  try {
    return parseDocument(policy, value, 'the policy with this change');
  } catch (error) {
    if (!isFairleadError(error, 'document/invalid')) throw error;
    const named = error.data.issues.map((issue) => ({ ...issue, path: typedAs(issue.path) }));
    const issues = [...new Map(named.map((issue) => [issue.path, issue])).values()];
    throw new FairleadError('document/invalid', { ...error.data, issues });
  }
}

function typedAs(path: string): string {
  const key = path.split('.').at(-1) ?? '';
  return TYPED.get(key) ?? path;
}

const TYPED: ReadonlyMap<string, string> = new Map([
  ['until', 'the end of the hold'],
  ['cron', '--cron'],
  ['duration', '--duration'],
  ['zone', '--zone'],
  ['expires', '--expires'],
  ['reason', '--reason'],
  ['version', 'the version'],
  ['name', 'the name'],
  ['key', 'the key'],
  ['required', 'the number of approvals'],
]);
