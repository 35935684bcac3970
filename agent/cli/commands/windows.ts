// fairlead window: when deployments may start.

import { renderWindows } from '../../../shared/present/windows.ts';
import type { CliContext } from '../context.ts';
import { changePolicy, type EditOptions, showPolicy } from '../policy-edit.ts';

export interface WindowOptions extends EditOptions {
  readonly cron: string;
  readonly duration: string;
  /** The terminal's own zone unless named. */
  readonly zone?: string;
  /** Nothing starts inside it. */
  readonly deny?: boolean;
}

export async function addWindow(context: CliContext, name: string, options: WindowOptions): Promise<number> {
  const { cron, duration, zone = context.zone } = options;
  const list = options.deny === true ? 'deny' : 'allow';
  const edit = { kind: 'window', list, name, cron, duration, zone } as const;
  return await changePolicy(context, edit, options, ({ policy, openings }) =>
    renderWindows(policy, openings, context.zone),
  );
}

export async function removeWindow(context: CliContext, name: string, options: EditOptions): Promise<number> {
  return await changePolicy(context, { kind: 'unwindow', name }, options, ({ policy, openings }) =>
    renderWindows(policy, openings, context.zone),
  );
}

export async function listWindows(context: CliContext): Promise<number> {
  return await showPolicy(context, ({ policy, openings }) => renderWindows(policy, openings, context.zone));
}
