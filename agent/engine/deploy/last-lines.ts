// The last words of a service that failed: they stand in the record, for the cause is otherwise in a file nobody names.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Failure } from '../../../shared/schema/journal.ts';
import type { WorkingState } from '../../core/deploy/states.ts';
import { prepare } from './prepare.ts';
import type { Run } from './run.ts';

const TAIL_BYTES = 4096;
const LINES = 3;
const MOST_CHARACTERS = 400;

/** Only where the service was started by then. What cannot be read adds nothing. */
export async function withLastLines(run: Run, state: WorkingState, failure: Failure): Promise<Failure> {
  const { component } = failure;
  if (component === null || !['starting', 'verifying', 'soaking'].includes(state)) return failure;
  const lines = await readLastLines(run, component).catch(() => []);
  if (lines.length === 0) return failure;
  return { ...failure, message: `${failure.message}; its log ends: ${lines.join(' | ')}` };
}

async function readLastLines(run: Run, component: ComponentKey): Promise<readonly string[]> {
  const { driver } = run.options;
  const one = await prepare(run.options, run.target, component);
  const log = await driver.logs(one?.unit.component ?? component, TAIL_BYTES, 'start');
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const last = lines.slice(-LINES);
  return last.map((line) => sanitizeLine(line.trim(), Math.floor(MOST_CHARACTERS / LINES)));
}
