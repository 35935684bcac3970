// fairlead agent enroll: make this host an instance of the vendor's fleet.
import { text } from 'node:stream/consumers';
import { shellWord } from '../../../shared/errors/shell-word.ts';
import { accountName } from '../../../shared/node/account-name.ts';
import { readNamed } from '../../../shared/node/named-file.ts';
import { enroll as enrollInstance } from '../../adapters/server/enroller.ts';
import { createHttpClient } from '../../adapters/server/http-client.ts';
import { type CliContext, show } from '../context.ts';

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
  const http = createHttpClient();
  try {
    const { server, instance, name, root } = await enrollInstance({
      stateDir: context.stateDir,
      text: await readString(string, options.file),
      actor: accountName(),
      http,
      ...(options.name === undefined ? {} : { name: options.name }),
    });
    const reply = { schema: 'fairlead/enrolled@1', server, instance, name, root: root.digest };
    show(context, reply, () => [
      `enrolled as "${name}" (${instance}) with ${server}`,
      `next: fairlead agent run --state-dir ${shellWord(context.stateDir)}`,
    ]);
    return 0;
  } finally {
    await http.close();
  }
}

async function readString(string: string | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) return Buffer.from(await readNamed(file)).toString('utf8');
  return string === undefined || string === '-' ? await text(process.stdin) : string;
}
