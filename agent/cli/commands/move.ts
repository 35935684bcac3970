// fairlead agent move: to another server of the same vendor, or away from the install that this is a copy of.
import { z } from 'zod';
import { accountName } from '../../../shared/cli/run.ts';
import { createHttpClient } from '../../adapters/server/http-client.ts';
import { move as moveInstance } from '../../adapters/server/mover.ts';
import { readNetwork } from '../../adapters/server/network.ts';
import { EXCHANGE_LIMITS } from '../../adapters/server/watch.ts';
import { type CliContext, show } from '../context.ts';
import { type EnrollOptions, readString } from './enroll.ts';

export const moveAnswer = z.strictObject({
  schema: z.literal('fairlead/moved@1'),
  server: z.string(),
  instance: z.string(),
  name: z.string(),
  from: z.strictObject({ server: z.string(), instance: z.string() }),
  /** The server that was left has heard of it. */
  told: z.boolean(),
});

export interface MoveOptions extends EnrollOptions {
  readonly copy?: boolean;
}

/** `string` as `enroll` takes it. */
export async function move(
  context: CliContext,
  string: string | undefined,
  options: MoveOptions,
): Promise<number> {
  const http = createHttpClient(EXCHANGE_LIMITS, await readNetwork(context.stateDir, process.env));
  try {
    const { enrolment, from, told } = await moveInstance({
      stateDir: context.stateDir,
      text: await readString(string, options.file),
      actor: accountName(),
      http,
      isCopy: options.copy === true,
      ...(options.name === undefined ? {} : { name: options.name }),
    });
    const { server, instance, name } = enrolment;
    show(context, { schema: 'fairlead/moved@1', server, instance, name, from, told }, () => [
      `"${name}" (${instance}) of ${server} from now on; trust, policy and history stay`,
      ...(told || options.copy === true
        ? []
        : [
            `NOTE: ${from.server} was not told; there: fairlead-vendor instances retire ${from.instance} --reason moved`,
          ]),
      'next: start the agent again',
    ]);
    return 0;
  } finally {
    await http.close();
  }
}
