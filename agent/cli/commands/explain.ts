// fairlead check and explain: what is on offer, and every reason why it does not happen now.
import { instantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { CATALOGUE, isErrorCode } from '../../../shared/errors/catalogue.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { renderExplanation } from '../../../shared/present/explanation.ts';
import { formatBoth } from '../../../shared/present/windows.ts';
import { type Assumption, type ExplanationReply, explanationReply } from '../../../shared/protocol/admin.ts';
import type { Verdict } from '../../../shared/schema/decision.ts';
import { type CliContext, show } from '../context.ts';
import { readInstant } from '../times.ts';

/** Exit statuses of `check`, for scripts. */
const CHECK_EXIT = { none: 0, available: 10, blocked: 20 } as const;

/**
 * Asks the server first. Where nothing could be learned, or what came was not believed, that comes first and is the exit
 * status: a script must not take yesterday's answer for today's.
 */
export async function check(context: CliContext): Promise<number> {
  const reply = await context.client.call('POST', '/v1/check', explanationReply);
  const failure = reply.contact?.failure ?? null;
  show(context, reply, () => [
    ...(failure === null ? [] : [...describeFailure(failure, context)]),
    // The answer to a question put to the server is computed now, of course.
    ...renderExplanation({ ...reply, recorded: null }, context),
  ]);
  return failure === null ? checkExitOf(reply.decision.verdict) : exitOfFailure(failure);
}

type Failure = NonNullable<NonNullable<ExplanationReply['contact']>['failure']>;

function describeFailure(failure: Failure, { style }: CliContext): readonly string[] {
  const what = exitOfFailure(failure) === EXIT.untrusted ? 'was not believed' : 'could not be asked';
  return [
    style.bold(style.bad(`the server ${what}: ${sanitizeLine(failure.message, 500)}`)),
    `  ${sanitizeLine(failure.hint, 300)}`,
    'What follows is from what was known before.',
  ];
}

function exitOfFailure({ code }: Failure): number {
  return isErrorCode(code) && CATALOGUE[code].exit === EXIT.untrusted ? EXIT.untrusted : EXIT.unreachable;
}

export interface ExplainOptions {
  readonly at?: string;
  readonly assume?: readonly Assumption[];
}

export async function explain(context: CliContext, options: ExplainOptions): Promise<number> {
  const reply = await context.client.call('POST', '/v1/what-if', explanationReply, {
    assume: options.assume ?? [],
    ...(options.at === undefined ? {} : { at: readInstant(context, options.at) }),
  });
  show(context, reply, () => [
    ...renderSupposed(reply, options, context),
    ...renderExplanation(reply, context),
  ]);
  return 0;
}

function renderSupposed(
  { at, assumed }: ExplanationReply,
  options: ExplainOptions,
  { zone }: CliContext,
): readonly string[] {
  const parts = [
    ...(options.at === undefined ? [] : [`it were ${formatBoth(instantMs(at), zone)}`]),
    ...assumed.map((each) => SUPPOSED[each]),
  ];
  return parts.length === 0 ? [] : [`If ${parts.join(' and ')}:`];
}

const SUPPOSED: Record<Assumption, string> = {
  approved: 'everybody had approved',
  window: 'a window were open',
  released: 'nothing were held',
  unpinned: 'nothing were pinned',
  auto: 'the channel were auto',
};

function checkExitOf(verdict: Verdict): number {
  switch (verdict) {
    case 'current':
      return CHECK_EXIT.none;
    case 'apply':
    case 'wait':
    case 'ask':
      return CHECK_EXIT.available;
    case 'held':
    case 'blocked':
      return CHECK_EXIT.blocked;
  }
}
