// The one gate before everything that this install says about itself: whoever has no gate has no channel.
import { FairleadError } from '../../../shared/errors/error.ts';
import { aborted } from '../../../shared/node/turns.ts';
import { isReportingOff, type ReportingFile } from '../../core/outbox.ts';
import type { Listening, ListeningEnd, ServerChannel } from '../../ports/server.ts';
import type { JsonStore } from '../../ports/state.ts';

export interface Reporting {
  isOff(): Promise<boolean>;
  /** Durable, and in effect for what is open too, when it returns. Errors: disk/*. */
  write(said: ReportingFile): Promise<void>;
}

/** `channel` is for everybody but this room. */
export function createReporting(
  open: ServerChannel,
  file: JsonStore<ReportingFile>,
): { readonly reporting: Reporting; readonly channel: ServerChannel } {
  let moving = new AbortController();
  const isOff = async () => {
    const known = await file.read();
    return isReportingOff(known, known === null ? await file.damage() : null);
  };
  const through = async <Result>(say: () => Promise<Result>): Promise<Result> => {
    if (await isOff()) throw new FairleadError('reporting/off', {});
    return await say();
  };
  /** Until somebody moves the gate: an open connection says every minute that this install lives. */
  async function listen(on: Listening, signal: AbortSignal): Promise<ListeningEnd> {
    // Held weakly: of connections that ended, however many, nothing stays behind.
    const ending = AbortSignal.any([signal, moving.signal]);
    if (await isOff()) {
      await aborted(ending);
      return { problem: 'reporting was off', isRefusal: false, isSteady: true };
    }
    return await open.listen(on, ending);
  }
  const channel: ServerChannel = {
    send: (report) => through(() => open.send(report)),
    beat: (heartbeat) => through(() => open.beat(heartbeat)),
    proposals: (after) => through(() => open.proposals(after)),
    answerProposals: (answers) => through(() => open.answerProposals(answers)),
    template: (name) => through(() => open.template(name)),
    damage: () => open.damage(),
    listen,
  };
  const write = async (said: ReportingFile) => {
    await file.write(said);
    moving.abort();
    moving = new AbortController();
  };
  return { reporting: { isOff, write }, channel };
}
