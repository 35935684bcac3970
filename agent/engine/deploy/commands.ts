// A release's own commands: hooks and smoke tests, one after the other until one fails.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { Run } from './run.ts';

/** Errors: service/no-room, deploy/hook-failed, deploy/smoke-failed, with the last line the command wrote. */
export async function runCommands(
  run: Run,
  component: PlacedComponent,
  kind: 'preflight' | 'snapshot' | 'restore' | 'smoke',
): Promise<void> {
  for (const command of component[kind]) {
    const result = await run.options.prober.probe(command, new AbortController().signal);
    if (result.healthy) continue;
    const data = { component: component.component, detail: result.detail };
    if (result.starved === true)
      throw new FairleadError('service/no-room', { component: data.component, problem: data.detail });
    if (kind === 'smoke') throw new FairleadError('deploy/smoke-failed', data);
    throw new FairleadError('deploy/hook-failed', { ...data, hook: kind });
  }
}
