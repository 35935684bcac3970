// Whether this install says anything about itself: the command that moves the gate, and what would pass it.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { MOST_ANSWERS } from '../../../shared/protocol/proposal.ts';
import {
  type ReportingReply,
  type ReportingRequest,
  SENT,
  type SentReply,
} from '../../../shared/protocol/sent.ts';
import { NO_PROPOSALS, selectOwed } from '../../core/proposals.ts';
import type { Needs } from './state.ts';

/** On the record before it has an effect. Errors: audit/damaged, disk/*. */
export async function changeReporting(
  state: Needs<'clock' | 'records' | 'wake'>,
  { reporting, reason }: ReportingRequest,
  actor: string,
): Promise<ReportingReply> {
  const edit = JSON.stringify({ kind: 'reporting', reporting });
  await state.records.ledger.record({ event: 'policy-changed', actor, details: { edit, reason } });
  const since = formatInstant(state.clock.now());
  await state.records.reporting.write({
    ...{ schema: 'fairlead/reporting-file@1', reporting, since, by: actor, reason },
  });
  state.wake();
  return { schema: 'fairlead/reporting@1', reporting };
}

/** By the code that sends it, and without sending it. */
export async function readSent(state: Needs<'choice' | 'records'>): Promise<SentReply> {
  const { reporter, reporting, preview } = state.records;
  const { report, waits } = await reporter.next();
  const answers = selectOwed((await state.choice.proposals.read()) ?? NO_PROPOSALS, MOST_ANSWERS);
  const isOff = await reporting.isOff();
  const samples = await preview({ report, answers });
  return {
    schema: 'fairlead/sent@1',
    reporting: isOff ? 'off' : 'on',
    requests: samples.map(({ kind, bytes }) => ({
      kind,
      waits: !isOff && ((kind === 'report' && waits) || kind === 'answers'),
      leaves: !isOff || SENT[kind]?.always === true,
      bytes,
    })),
  };
}
