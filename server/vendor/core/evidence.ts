// Whether a file of evidence is as the server gave it out: every text by its digest, every entry of the log, and the whole.
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf, digestOfValue } from '../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../shared/encoding/json.ts';
import type { Evidence } from '../../../shared/protocol/instances.ts';

/** What does not fit, in one sentence each; none where all does. */
export function problemsOf(evidence: Evidence): readonly string[] {
  const { digest, ...content } = evidence;
  const isWhole = digestOfValue(content as unknown as JsonValue) === digest;
  return [
    ...(isWhole ? [] : ['the document was changed: its digest is another']),
    ...evidence.reports
      .filter((one) => digestOf(utf8(one.body)) !== one.digest)
      .map(({ sequence }) => `report ${sequence} was changed`),
    ...evidence.deployments
      .filter((one) => digestOf(utf8(one.body)) !== one.digest)
      .map(({ record }) => `deployment ${record} was changed`),
    ...evidence.audit.flatMap(problemOfEntry),
    ...evidence.audit.flatMap((entry, index) => problemOfPlace(entry, evidence.audit[index - 1])),
    ...problemOfHead(evidence),
  ];
}

type Entry = Evidence['audit'][number];

/** Entries about others stand in between; of two that stand side by side the second names the first. */
function problemOfPlace({ sequence, previous }: Entry, before: Entry | undefined): readonly string[] {
  if (before === undefined) return [];
  const isBehind = sequence > before.sequence;
  const isLinked = sequence !== before.sequence + 1 || previous === before.digest;
  return isBehind && isLinked ? [] : [`entry ${sequence} does not follow`];
}

/** Nothing in the file is younger than the head of the log that it names. */
function problemOfHead({ audit, auditHead: { count, digest } }: Evidence): readonly string[] {
  const last = audit.at(-1);
  if (last === undefined || last.sequence < count) return [];
  const isHead = last.sequence === count && last.digest === digest;
  return isHead ? [] : [`entry ${last.sequence} is behind the head of the log`];
}

function problemOfEntry({ digest, ...entry }: Entry): readonly string[] {
  return digestOfValue(entry as unknown as JsonValue) === digest
    ? []
    : [`entry ${entry.sequence} was changed`];
}
