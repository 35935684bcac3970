// Changing the local policy: one edit at a time, by somebody, for a reason.
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import { assertNever } from '../../shared/errors/assert-never.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { PolicyEdit } from '../../shared/protocol/admin.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import type { Pin } from '../../shared/schema/pin.ts';
import { DEFAULT_POLICY, type Policy, policy } from '../../shared/schema/policy.ts';

export interface Author {
  readonly by: string;
  readonly reason: string;
  readonly at: EpochMs;
}

/**
 * `known` is null when the policy is lost: only naming a channel begins a new one, for that is the choice that matters.
 * Errors: policy/unreadable, policy/no-such-pin, document/invalid.
 */
export function editPolicy(known: Policy | null, edit: PolicyEdit, author: Author): Policy {
  if (known === null && edit.kind !== 'channel') {
    throw new FairleadError('policy/unreadable', { path: 'settings.json', problem: 'it is missing' });
  }
  return parseDocument(policy, changed(known ?? DEFAULT_POLICY, edit, author), 'the policy');
}

/** The component a pin is for, as people write it. */
export function pinnedComponent(pin: Pin): string {
  return pin.level === 'platform' ? 'platform' : pin.name;
}

/** Not yet checked: the schema has the last word. */
function changed(known: Policy, edit: PolicyEdit, { by, reason, at }: Author): object {
  switch (edit.kind) {
    case 'channel':
      return { ...known, channel: edit.channel };
    case 'pin': {
      const { version, expires } = edit;
      const pin = { ...levelOf(edit.component), version, owner: by, reason, ...(expires && { expires }) };
      return { ...known, pins: [...withoutPin(known.pins, edit.component), pin] };
    }
    case 'unpin': {
      const pins = withoutPin(known.pins, edit.component);
      if (pins.length < known.pins.length) return { ...known, pins };
      const pinned = known.pins.map(pinnedComponent).join(', ');
      throw new FairleadError('policy/no-such-pin', {
        component: edit.component,
        pinned: pinned === '' ? 'none' : pinned,
      });
    }
    case 'hold':
      return { ...known, [holdKey(edit)]: { since: formatInstant(at), until: edit.until, reason, by } };
    case 'release':
      return Object.fromEntries(Object.entries(known).filter(([key]) => key !== holdKey(edit)));
    default:
      return assertNever(edit);
  }
}

function withoutPin(pins: readonly Pin[], component: string): readonly Pin[] {
  return pins.filter((pin) => pinnedComponent(pin) !== component);
}

function levelOf(component: string): object {
  if (component === 'platform') return { level: 'platform' };
  return { level: component.includes('/') ? 'capability' : 'suite', name: component };
}

function holdKey(edit: { readonly emergency: boolean }): 'hold' | 'emergencyHold' {
  return edit.emergency ? 'emergencyHold' : 'hold';
}
