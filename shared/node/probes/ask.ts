// Asking whether a service is well: one question, one answer, bounded in time and in what may come back.
import { sanitizeLine } from '../../encoding/text.ts';
import { isShortage } from '../../errors/error.ts';
import type { Answer } from '../../schema/probes/probe-kind.ts';
import type { Asked, Question, QuestionKind } from '../../schema/probes/probes.ts';
import { askHttp } from './http.ts';
import { askTcp } from './tcp.ts';
import { askUnix } from './unix.ts';

export interface Reply extends Answer {
  /** This machine had no descriptor or process left to ask with: that says nothing about who was asked. */
  readonly starved?: boolean;
}

/** How a command ended: `exit status 1` or `killed by SIGKILL`, and the last line it wrote. */
export interface CommandEnding {
  readonly ending: string;
  readonly lastLine: string;
}

/** Where and as whom a command of the service runs is known to the program that asks. */
export type RunCommand<Command> = (command: Command, limit: AbortSignal) => Promise<CommandEnding>;

interface Timed {
  readonly timeoutMs: number;
}

/** By its kind, and with the end of the time it may take. */
type Kinds = {
  readonly [Kind in QuestionKind]: (
    question: Asked<Kind>,
    limit: AbortSignal,
    run: RunCommand<Asked<Kind>>,
  ) => Promise<Answer>;
};

const KINDS: Kinds = { http: askHttp, tcp: askTcp, exec: askCommand, unix: askUnix };

/** Never throws: what cannot be asked is unhealthy and says why. */
export async function ask<Command extends Asked<'exec'>>(
  question: (Exclude<Question, Asked<'exec'>> & Timed) | (Command & Timed),
  run: RunCommand<Command>,
  signal: AbortSignal,
): Promise<Reply> {
  const { timeoutMs } = question;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const put = KINDS[question.kind] as (
      question: Question,
      limit: AbortSignal,
      run: RunCommand<Command>,
    ) => Promise<Answer>;
    const { healthy, detail } = await Promise.race([put(question, limit, run), endOf(limit)]);
    return { healthy, detail: sanitizeLine(detail) };
  } catch (error) {
    const detail = limit.aborted && !signal.aborted ? `no answer in ${timeoutMs} ms` : reason(error);
    return {
      healthy: false,
      detail: sanitizeLine(detail),
      ...(isShortage(error) ? { starved: true } : {}),
    };
  }
}

/** What is known when the time is over may still be said; whoever forgot to end with it is waited for no longer. */
const LAST_WORDS_MS = 500;

function endOf(limit: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => setTimeout(() => reject(limit.reason), LAST_WORDS_MS).unref();
    if (limit.aborted) end();
    else limit.addEventListener('abort', end, { once: true });
  });
}

async function askCommand<Command>(
  command: Command,
  limit: AbortSignal,
  run: RunCommand<Command>,
): Promise<Answer> {
  const { ending, lastLine } = await run(command, limit);
  if (ending === 'exit status 0') return { healthy: true, detail: ending };
  return { healthy: false, detail: lastLine === '' ? ending : `${ending}: ${lastLine}` };
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'the probe failed';
  return 'code' in error ? String(error.code) : error.message;
}
