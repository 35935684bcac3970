// The relay of a server, as it is typed: whole or refused, with the password from wherever secrets come from.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findMail, type SmtpSettings } from '../../../server/cli/mail.ts';
import { type Company, foundCompany } from '../../support/certificates.ts';
import { rejectionOf } from '../../support/error-code.ts';

let company: Company;
beforeAll(() => {
  company = foundCompany();
});
afterAll(() => company.remove());

const fileOf = (name: string, text: string) => {
  const path = company.path(name);
  writeFileSync(path, text);
  return path;
};
const find = (settings: SmtpSettings, environment: NodeJS.ProcessEnv = {}) =>
  findMail(settings, { environment });
const SMTP = { smtp: 'smtp://mail.example.com', mailFrom: 'fairlead@example.com' };

describe('a relay', () => {
  it('is none where nothing was said, whatever password the environment has', async () => {
    expect(await find({}, { FAIRLEAD_SERVER_SMTP_PASSWORD: 'x' })).toBeNull();
  });

  it('takes its password from a file, from the environment, or from a credential', async () => {
    const file = fileOf('password', 'of the file\n');
    fileOf('fairlead-smtp-password', 'of systemd\n');
    const settings = { ...SMTP, smtpUser: 'fairlead' };
    const passwordOf = async (more: SmtpSettings, environment: NodeJS.ProcessEnv) =>
      (await find({ ...settings, ...more }, environment))?.relay.login?.password;

    expect([
      await passwordOf({ smtpPasswordFile: file }, { FAIRLEAD_SERVER_SMTP_PASSWORD: 'of the environment' }),
      await passwordOf({}, { FAIRLEAD_SERVER_SMTP_PASSWORD: 'of the environment' }),
      await passwordOf({}, { CREDENTIALS_DIRECTORY: company.dir }),
    ]).toEqual(['of the file', 'of the environment', 'of systemd']);
  });

  it('is spoken with as its scheme says, and believed by an authority of one’s own', async () => {
    const found = await find({ ...SMTP, smtpCa: company.path('ca.pem') });

    expect(found).toMatchObject({
      from: 'fairlead@example.com',
      relay: { host: 'mail.example.com', port: 587, security: 'starttls', login: null },
    });
    expect(found?.relay.ca).toEqual([company.pem('ca.pem')]);
  });

  it.each<readonly [string, SmtpSettings, string]>([
    ['without a sender', { smtp: SMTP.smtp }, '--mail-from'],
    ['that is not named', { mailFrom: SMTP.mailFrom }, '--smtp'],
    ['that is not named, but its user', { smtpUser: 'fairlead' }, '--smtp'],
    ['with a user and no password', { ...SMTP, smtpUser: 'fairlead' }, '--smtp-password-file'],
    ['with a password and no user', { ...SMTP, smtpPasswordFile: '/nowhere' }, '--smtp-user'],
  ])('%s is refused with what is missing', async (_what, settings, missing) => {
    expect(await rejectionOf(find(settings))).toMatchObject({ code: 'server/half-mail', data: { missing } });
  });

  it('with a key or with rubbish in place of certificates is refused', async () => {
    company.sign('relay', 'DNS:localhost');
    for (const path of [
      company.path('relay.key'),
      fileOf('rubbish', 'no certificate'),
      fileOf('empty', ''),
    ]) {
      expect(await rejectionOf(find({ ...SMTP, smtpCa: path }))).toMatchObject({
        code: 'server/mail-unusable',
      });
    }
  });
});
