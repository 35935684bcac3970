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
    ...evidence.audit.slice(1).flatMap((entry, index) => {
      const before = evidence.audit[index];
      const isNext = before !== undefined && entry.sequence === before.sequence + 1;
      return isNext && entry.previous !== before.digest ? [`entry ${entry.sequence} does not follow`] : [];
    }),
  ];
}

function problemOfEntry({ digest, ...entry }: Evidence['audit'][number]): readonly string[] {
  return digestOfValue(entry as unknown as JsonValue) === digest
    ? []
    : [`entry ${entry.sequence} was changed`];
}
