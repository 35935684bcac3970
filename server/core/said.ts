// What a report says that counts for looking back: what runs, which holes its agent knows of, what is on offer, and what keeps it from that.

import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import type { OfferedBy } from '../../shared/protocol/compliance.ts';
import type { Report } from '../../shared/protocol/report.ts';
import type { Blocker, Decision } from '../../shared/schema/decision.ts';

/**
 * `runs`: component, version. `named`: advisory, what of it is affected. `offer`: digest of a plan, whose word it goes by. `reason`: code,
 * source. The last three only while something is exposed: what else a policy waits for is no matter of these.
 */
export const SAID_KINDS = ['runs', 'named', 'offer', 'reason'] as const;
export type SaidKind = (typeof SAID_KINDS)[number];

export interface Said {
  readonly kind: SaidKind;
  readonly subject: string;
  readonly value: string;
  /** JSON; of an offer and a reason. */
  readonly detail: string | null;
}

export interface OfferDetail {
  readonly manifest: string;
  readonly advisories: readonly string[];
}

export interface ReasonDetail {
  readonly owner: string;
  readonly message: string;
  readonly clearsAt: string | null;
}

/** A decision lists no more of each. */
const MOST_OF_A_LIST = 100;

export function saidIn({ components, decision }: Report): readonly Said[] {
  const running = components.map(({ component, version }): Said => {
    return { kind: 'runs', subject: component, value: version, detail: null };
  });
  const known = decision === null || decision.exposed.length === 0 ? [] : saidOf(decision);
  // Named twice, a component counts as its last entry says.
  const byKey = new Map([...running, ...known].map((one) => [keyIn(one), one]));
  return [...byKey.values()];
}

/** By this a change is noticed: what only the wording of a reason changes is none. */
export function digestOfSaid(all: readonly Said[]): string {
  const keys = all.map(({ kind, subject, value }) => JSON.stringify([kind, subject, value])).sort();
  return digestOf(utf8(keys.join('\n'))).slice('sha256:'.length, 'sha256:'.length + DIGITS);
}

const DIGITS = 32;

function keyIn({ kind, subject, value }: Said): string {
  return kind === 'runs' ? `${kind} ${subject}` : JSON.stringify([kind, subject, value]);
}

function saidOf(decision: Decision): readonly Said[] {
  const named = decision.exposed.slice(0, MOST_OF_A_LIST).map(({ advisory, component, version }): Said => {
    const [subject, value] = [sanitizeLine(advisory, 60), sanitizeLine(`${component}@${version}`, 300)];
    return { kind: 'named', subject, value, detail: null };
  });
  const reasons = decision.blockers.slice(0, MOST_OF_A_LIST).map(reasonOf);
  return [...named, ...offerIn(decision), ...reasons];
}

function offerIn({ target, fix }: Decision): readonly Said[] {
  if (target === null) return [];
  const by: OfferedBy = target.kind === 'emergency' ? 'order' : (fix?.by ?? 'update');
  const advisories = (fix?.advisories ?? []).slice(0, MOST_OF_A_LIST);
  const detail: OfferDetail = {
    manifest: target.manifest,
    advisories: advisories.map((one) => sanitizeLine(one, 60)),
  };
  return [{ kind: 'offer', subject: target.plan, value: by, detail: JSON.stringify(detail) }];
}

function reasonOf({ code, owner, source, message, clearsAt }: Blocker): Said {
  const detail: ReasonDetail = { owner, message: sanitizeLine(message, 300), clearsAt: clearsAt ?? null };
  const [subject, value] = [sanitizeLine(code, 60), sanitizeLine(source, 200)];
  return { kind: 'reason', subject, value, detail: JSON.stringify(detail) };
}
