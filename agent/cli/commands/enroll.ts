// fairlead agent enroll: make this host an instance of the vendor's fleet.

import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { accountName } from '../../../shared/cli/run.ts';
import { shellWord } from '../../../shared/errors/entry.ts';
import { readNamed } from '../../../shared/node/named-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { digest } from '../../../shared/schema/common.ts';
import { enroll as enrollInstance } from '../../adapters/server/enroller.ts';
import { createHttpClient } from '../../adapters/server/http-client.ts';
import { readNetwork } from '../../adapters/server/network.ts';
import { EXCHANGE_LIMITS } from '../../adapters/server/watch.ts';
import { type CliContext, show } from '../context.ts';

export const enrollAnswer = z.strictObject({
  schema: z.literal('fairlead/enrolled@1'),
  server: z.string(),
  instance: z.string(),
  name: z.string(),
  /** Of the root that was trusted first. */
  root: digest,
  /** No configuration says what this install runs. */
  takesEverything: z.boolean(),
});

export type EnrollAnswer = z.output<typeof enrollAnswer>;

export interface EnrollOptions {
  readonly file?: string;
  readonly name?: string;
}

/** `string` may be `-`: what stands on a command line, every local account can read. */
export async function enroll(
  context: CliContext,
  string: string | undefined,
  options: EnrollOptions,
): Promise<number> {
  const reply = await enrollHere(context.stateDir, await readString(string, options.file), options.name);
  show(context, reply, () => [
    ...describeEnrolled(reply, context.stateDir),
    `next: fairlead agent run --state-dir ${shellWord(context.stateDir)}`,
  ]);
  return 0;
}

/** May be repeated with the same string. Errors: enrolment/*, agent/already-running, transport/*, disk/*. */
export async function enrollHere(
  stateDir: string,
  text: string,
  name: string | undefined,
): Promise<EnrollAnswer> {
  const http = createHttpClient(EXCHANGE_LIMITS, await readNetwork(stateDir, process.env));
  try {
    const enrolled = await enrollInstance({
      ...{ stateDir, text, http, actor: accountName() },
      ...(name === undefined ? {} : { name }),
    });
    return {
      schema: 'fairlead/enrolled@1',
      ...{ server: enrolled.server, instance: enrolled.instance, name: enrolled.name },
      root: enrolled.root.digest,
      takesEverything: (await readIfPresent(configOf(stateDir))) === null,
    };
  } finally {
    await http.close();
  }
}

export function describeEnrolled(reply: EnrollAnswer, stateDir: string): readonly string[] {
  const { server, instance, name, takesEverything } = reply;
  return [
    `enrolled as "${name}" (${instance}) with ${server}`,
    ...(takesEverything ? everythingWarning(configOf(stateDir)) : []),
  ];
}

function configOf(stateDir: string): string {
  return join(stateDir, 'instance.json');
}

/** Without a configuration everything is enabled: whoever enrols hears it before the first release arrives. */
function everythingWarning(config: string): readonly string[] {
  return [
    'NOTE: no instance.json says what this install runs, so it takes EVERYTHING that the vendor offers on track stable, now and later.',
    `      To choose, name suites in ${config} before the agent runs: { "schema": "fairlead/instance@1", "suites": { "core": {} } }`,
  ];
}

export async function readString(string: string | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) return Buffer.from(await readNamed(file)).toString('utf8');
  return string === undefined || string === '-' ? await text(process.stdin) : string;
}
