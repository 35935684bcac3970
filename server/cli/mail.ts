// The relay that takes mail from a server, as it was typed, with the password as every secret of a server is found.
import { FairleadError } from '../../shared/errors/error.ts';
import { parseCertificates } from '../../shared/node/certificates.ts';
import { readNamed } from '../../shared/node/named-file.ts';
import { type MailSettings, parseRelay, type Relay } from '../../shared/schema/mail.ts';
import { findSecret } from './home.ts';
import type { CliContext } from './options.ts';

export interface SmtpSettings {
  readonly smtp?: string | undefined;
  readonly mailFrom?: string | undefined;
  readonly smtpUser?: string | undefined;
  readonly smtpPasswordFile?: string | undefined;
  readonly smtpCa?: string | undefined;
}

const PASSWORD = { variable: 'FAIRLEAD_SERVER_SMTP_PASSWORD', credential: 'fairlead-smtp-password' };
const MOST_CA_BYTES = 1 << 20;

/** Null where none is sent. Errors: server/half-mail, server/mail-unusable, file/*. */
export async function findMail(
  { smtp, mailFrom: from, smtpUser: user, smtpPasswordFile: file, smtpCa }: SmtpSettings,
  { environment }: CliContext,
): Promise<MailSettings | null> {
  const place = smtp === undefined ? null : parseRelay(smtp);
  if (place === null) {
    if ([from, user, file, smtpCa].some((one) => one !== undefined)) throw half('--smtp');
    return null;
  }
  if (from === undefined) throw half('--mail-from');
  // One in the environment may be there for another.
  if (user === undefined && file !== undefined) throw half('--smtp-user');
  const password = user === undefined ? null : await findSecret({ ...PASSWORD, file }, environment);
  if (user !== undefined && password === null) throw half('--smtp-password-file');
  const login = user === undefined || password === null ? null : { user, password };
  return { relay: { ...place, login, ca: await readCertificates(smtpCa) }, from };
}

async function readCertificates(path: string | undefined): Promise<Relay['ca']> {
  if (path === undefined) return [];
  const pem = new TextDecoder().decode(await readNamed(path, MOST_CA_BYTES));
  try {
    return parseCertificates(pem).map(String);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('server/mail-unusable', { path, problem }, { cause });
  }
}

function half(missing: string): FairleadError {
  return new FairleadError('server/half-mail', { missing });
}
