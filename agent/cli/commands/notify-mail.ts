// The part of `fairlead agent notify` that is about mail: to whom, through which relay, as whom.
import { FairleadError } from '../../../shared/errors/error.ts';
import { readSecret } from '../../../shared/node/named-file.ts';
import { readMailFile, verifyMailFile } from '../../adapters/machine/mail-notices.ts';
import type { MailFile } from '../../core/notice-mail.ts';

export interface MailOptions {
  readonly mail?: string;
  readonly mailFrom?: string;
  readonly smtp?: string;
  readonly smtpUser?: string;
  readonly smtpPasswordFile?: string;
  readonly clear?: boolean;
}

/**
 * What is to be kept of what was typed and what was said before; null where nothing is. Another relay begins without the login of the
 * one before. Writes nothing. Errors: notify/option-alone, document/invalid, file/*.
 */
export async function mailAfter(
  stateDir: string,
  options: MailOptions,
): Promise<{ readonly mail: MailFile | null; readonly isNew: boolean }> {
  const { mail, mailFrom, smtp, smtpUser, smtpPasswordFile, clear } = options;
  const before = clear === true ? null : await readMailFile(stateDir);
  const typed = { '--mail': mail, '--smtp': smtp, '--mail-from': mailFrom };
  const first = Object.entries({
    ...typed,
    '--smtp-user': smtpUser,
    '--smtp-password-file': smtpPasswordFile,
  }).find(([, value]) => value !== undefined);
  if (first === undefined) return { mail: before, isNew: clear === true };
  const need = (option: string, value: string | undefined): string => {
    if (value === undefined) throw alone(first[0], option);
    return value;
  };
  const said: MailFile = {
    schema: 'fairlead/mail@1',
    to: need('--mail', mail ?? before?.to),
    smtp: need('--smtp', smtp ?? before?.smtp),
    from: need('--mail-from', mailFrom ?? before?.from),
  };
  const kept = smtp === undefined ? before?.login : undefined;
  const user = smtpUser ?? kept?.user;
  if (smtpPasswordFile !== undefined && user === undefined)
    throw alone('--smtp-password-file', '--smtp-user');
  if (smtpUser !== undefined && smtpPasswordFile === undefined)
    throw alone('--smtp-user', '--smtp-password-file');
  const password = smtpPasswordFile === undefined ? kept?.password : await readSecret(smtpPasswordFile);
  const whole = user === undefined || password === undefined ? said : { ...said, login: { user, password } };
  verifyMailFile(stateDir, whole);
  return { mail: whole, isNew: true };
}

export function alone(option: string, needed: string): FairleadError {
  return new FairleadError('notify/option-alone', { option, needed });
}
