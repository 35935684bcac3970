// fairlead quarantine lift: let what failed here be tried again.
import { z } from 'zod';
import { EXIT } from '../../../shared/errors/entry.ts';
import { liftReply } from '../../../shared/protocol/admin.ts';
import { agreed, type CliContext, show } from '../context.ts';

export const liftAnswer = liftReply.extend({ schema: z.literal('fairlead/quarantine-lifted@1') });

export async function liftQuarantine(
  context: CliContext,
  component: string,
  options: { readonly reason: string; readonly yes?: boolean },
): Promise<number> {
  const question = `Let what failed of ${component} be tried again?`;
  if (!(await agreed(context, options, question))) return EXIT.refused;
  const path = `/v1/quarantine/${component.split('/').map(encodeURIComponent).join('/')}`;
  const reply = await context.client.call('DELETE', path, liftReply, { reason: options.reason });
  show(context, { schema: 'fairlead/quarantine-lifted@1', ...reply }, () => [
    `${component} ${reply.lifted.join(', ')} may be tried again`,
  ]);
  return EXIT.ok;
}
