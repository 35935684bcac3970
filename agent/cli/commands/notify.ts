// fairlead agent notify: who hears of alarms and of what waits for a person, without asking.
import { resolve } from 'node:path';
import { z } from 'zod';
import { makeDirectory, removeDurably } from '../../../shared/node/durable-file.ts';
import { readSecret } from '../../../shared/node/named-file.ts';
import { noticesTestedReply } from '../../../shared/protocol/upkeep.ts';
import { resolveAccount } from '../../adapters/machine/account.ts';
import { writeMailFile } from '../../adapters/machine/mail-notices.ts';
import { noticesPathOf, readNoticesFile, writeNoticesFile } from '../../adapters/machine/notices.ts';
import type { MailFile } from '../../core/notice-mail.ts';
import type { NoticesFile } from '../../core/notices.ts';
import { type CliContext, show } from '../context.ts';
import { alone, type MailOptions, mailAfter } from './notify-mail.ts';

export const notifyAnswer = z.strictObject({
  schema: z.literal('fairlead/notify-shown@1'),
  /** Without what may be secret in it. */
  webhook: z.strictObject({ origin: z.string(), signed: z.boolean() }).nullable(),
  program: z.strictObject({ exec: z.array(z.string()), user: z.string() }).nullable(),
  mail: z
    .strictObject({ to: z.string(), from: z.string(), smtp: z.string(), user: z.string().nullable() })
    .nullable(),
  textfile: z.string().nullable(),
  again: z.string(),
  /** Of a test: null where it was taken, else why not. */
  tested: z.record(z.string(), z.string().nullable()).optional(),
});

interface NotifyOptions extends MailOptions {
  readonly webhook?: string;
  readonly webhookSecretFile?: string;
  readonly program?: readonly string[];
  readonly programUser?: string;
  readonly textfile?: string;
  readonly again?: string;
  readonly test?: boolean;
}

/**
 * Without options it shows what was said. A running agent takes it with its next round.
 * A test is the agent's. Errors: notify/option-alone, service/start-failed, document/invalid, file/*, disk/*, agent/*.
 */
export async function notify(context: CliContext, options: NotifyOptions): Promise<number> {
  const { stateDir } = context;
  const { mail, isNew } = await mailAfter(stateDir, options);
  await save(stateDir, options);
  if (isNew) await writeMailFile(stateDir, mail);
  const said = await readNoticesFile(stateDir);
  const tested = options.test === true ? await test(context) : undefined;
  const reply: z.output<typeof notifyAnswer> = {
    schema: 'fairlead/notify-shown@1',
    webhook: shownWebhook(said),
    program: said?.program === undefined ? null : { ...said.program, exec: [...said.program.exec] },
    mail: mail === null ? null : shownMail(mail),
    textfile: said?.textfile ?? null,
    again: said?.again ?? 'P1D',
    ...(tested === undefined ? {} : { tested }),
  };
  show(context, reply, () => [
    `webhook: ${reply.webhook === null ? 'none' : `${reply.webhook.origin}${reply.webhook.signed ? ', signed' : ', not signed'}`}`,
    `program: ${reply.program === null ? 'none' : `${reply.program.exec.join(' ')} as ${reply.program.user}`}`,
    `mail: ${mail === null ? 'none' : `${mail.to} from ${mail.from}, through ${mail.smtp}`}`,
    `numbers: ${reply.textfile === null ? 'none' : `${reply.textfile}/fairlead.prom`}`,
    `what still stands is told again after ${reply.again}`,
    ...Object.entries(tested ?? {}).map(([sink, problem]) => `test of the ${sink}: ${problem ?? 'taken'}`),
  ]);
  return Object.values(tested ?? {}).some((problem) => problem !== null) ? 1 : 0;
}

/** By the agent: what this command may reach or write says nothing about one that is confined. */
async function test({ client }: CliContext): Promise<Record<string, string | null>> {
  return (await client.call('POST', '/v1/notices/test', noticesTestedReply)).tested;
}

function shownMail({ to, from, smtp, login }: MailFile) {
  return { to, from, smtp, user: login?.user ?? null };
}

function shownWebhook(said: NoticesFile | null) {
  if (said?.webhook === undefined) return null;
  const { url, secret } = said.webhook;
  return { origin: new URL(url).origin, signed: secret !== undefined };
}

/**
 * Written once, when all that was given holds: a slip leaves what was said before. What is not given stays, unless it is cleared;
 * another address begins without the secret of the one before.
 */
async function save(stateDir: string, { clear = false, ...options }: NotifyOptions): Promise<void> {
  const { webhook, webhookSecretFile, program, programUser, textfile, again } = options;
  if ([webhook, webhookSecretFile, program, programUser, textfile, again].every((one) => one === undefined)) {
    if (clear) await removeDurably(noticesPathOf(stateDir));
    return;
  }
  const before = clear ? null : await readNoticesFile(stateDir);
  const secret = webhookSecretFile === undefined ? undefined : await readSecret(webhookSecretFile);
  const url = webhook ?? before?.webhook?.url;
  if (url === undefined && secret !== undefined) throw alone('--webhook-secret-file', '--webhook');
  const kept = url === before?.webhook?.url ? before?.webhook?.secret : undefined;
  const signs = secret ?? kept;
  const exec = program ?? before?.program?.exec;
  const user = programUser ?? before?.program?.user ?? 'nobody';
  if (exec === undefined && programUser !== undefined) throw alone('--program-user', '--program');
  if (exec !== undefined && (program ?? programUser) !== undefined) await resolveAccount(user, exec[0] ?? '');
  await makeDirectory(stateDir);
  await writeNoticesFile(stateDir, {
    ...before,
    schema: 'fairlead/notices@1',
    ...(url === undefined ? {} : { webhook: { url, ...(signs === undefined ? {} : { secret: signs }) } }),
    ...(exec === undefined ? {} : { program: { exec: [...exec], user } }),
    ...(textfile === undefined ? {} : { textfile: resolve(textfile) }),
    ...(again === undefined ? {} : { again }),
  });
}
