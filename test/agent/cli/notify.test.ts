// Who hears what stands here, as it is typed: what cannot hold is refused, and leaves what was said before.
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { readMailFile } from '../../../agent/adapters/machine/mail-notices.ts';
import { readNoticesFile } from '../../../agent/adapters/machine/notices.ts';
import { notify } from '../../../agent/cli/commands/notify.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { atTerminal } from '../../support/terminal.ts';

type Terminal = Awaited<ReturnType<typeof atTerminal>>;
type Options = Parameters<typeof notify>[1];

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const URL_HERE = 'https://pager.test/one';
const USER = userInfo().username;

let terminal: Terminal;
let context: Terminal['context'];
let stateDir: string;

beforeEach(async () => {
  stateDir = temporaryDirectory();
  terminal = await atTerminal('auto');
  context = { ...terminal.context, stateDir };
});

const say = (options: Options) => notify(context, options);
const said = () => readNoticesFile(stateDir);

function secretFile(text: string): string {
  const path = join(stateDir, 'given');
  writeFileSync(path, text);
  return path;
}

describe('what is said', () => {
  it('is added to what was said before, and takes its place after a --clear', async () => {
    await say({ webhook: URL_HERE, webhookSecretFile: secretFile(SECRET), again: 'PT1H' });
    await say({ program: ['/bin/page'], programUser: USER });

    const schema = 'fairlead/notices@1';
    const webhook = { url: URL_HERE, secret: SECRET };
    const program = { exec: ['/bin/page'], user: USER };
    expect(await said()).toEqual({ schema, webhook, again: 'PT1H', program });

    await say({ clear: true, webhook: 'https://pager.test/two' });
    expect(await said()).toEqual({ schema, webhook: { url: 'https://pager.test/two' } });

    await say({ clear: true });
    expect(await said()).toBeNull();
  });

  it('keeps its secret where the same address is given again, and begins another one without', async () => {
    await say({ webhook: URL_HERE, webhookSecretFile: secretFile(SECRET) });
    await say({ webhook: URL_HERE });
    expect((await said())?.webhook).toEqual({ url: URL_HERE, secret: SECRET });

    await say({ webhook: 'https://pager.test/two' });
    expect((await said())?.webhook).toEqual({ url: 'https://pager.test/two' });
  });

  it.each<[string, string, () => Options]>([
    ['a secret that signs for no webhook', 'notify/option-alone', () => secret(SECRET)],
    ['an account that starts no program', 'notify/option-alone', () => ({ programUser: USER })],
    ['an account that is not there', 'service/start-failed', () => program('nobody-of-that-name')],
    ['a secret that is none', 'document/invalid', () => ({ ...secret('hunter2'), webhook: URL_HERE })],
    ['no file with a secret', 'file/missing', () => ({ webhook: URL_HERE, webhookSecretFile: '/nowhere/x' })],
    ['an address that is none', 'document/invalid', () => ({ webhook: 'ftp://pager.test' })],
  ])('is refused with %s, and leaves what was there', async (_what, code, options) => {
    await say({ textfile: '/var/lib/numbers' });
    const before = await said();

    expect(await rejectionOf(say({ ...options(), again: 'PT2H' }))).toMatchObject({ code });
    expect(await rejectionOf(say({ ...options(), clear: true }))).toMatchObject({ code });

    expect(await said()).toEqual(before);
  });

  it('is refused where --clear takes what an option says more of', async () => {
    await say({ webhook: URL_HERE, program: ['/bin/page'], programUser: USER });
    const before = await said();

    expect(await rejectionOf(say({ ...secret(SECRET), clear: true }))).toMatchObject({
      code: 'notify/option-alone',
    });
    expect(await rejectionOf(say({ programUser: USER, clear: true }))).toMatchObject({
      code: 'notify/option-alone',
    });

    expect(await said()).toEqual(before);
    await say(secret(SECRET));
    expect(await said()).toMatchObject({ webhook: { url: URL_HERE, secret: SECRET } });
  });
});

describe('mail', () => {
  const MAIL = { mail: 'ops@example.org', mailFrom: 'fairlead@example.org', smtp: 'smtp://mail.example.org' };
  const LOGIN = { user: 'oslo', password: 'a-password-of-the-relay' };
  const login = () => ({ smtpUser: LOGIN.user, smtpPasswordFile: secretFile(LOGIN.password) });
  const kept = () => readMailFile(stateDir);

  it('is added to what was said before; another relay begins without a login', async () => {
    await say({ webhook: URL_HERE });
    await say({ ...MAIL, ...login() });
    const whole = { schema: 'fairlead/mail@1', to: MAIL.mail, from: MAIL.mailFrom, smtp: MAIL.smtp };
    expect([await kept(), await said()]).toMatchObject([{ ...whole, login: LOGIN }, { webhook: {} }]);

    await say({ mail: 'night@example.org' });
    expect(await kept()).toEqual({ ...whole, to: 'night@example.org', login: LOGIN });
    await say({ smtp: 'smtps://other.example.org' });
    expect(await kept()).toEqual({ ...whole, to: 'night@example.org', smtp: 'smtps://other.example.org' });
    await say({ webhook: URL_HERE, clear: true });
    expect([await kept(), await said()]).toMatchObject([null, { webhook: {} }]);
  });

  it('is shown with its user and without its password', async () => {
    await say({ ...MAIL, ...login() });
    context = { ...context, json: true };
    await say({});

    const shown = terminal.lines().join('\n');
    expect(shown).toContain(
      'mail: ops@example.org from fairlead@example.org, through smtp://mail.example.org',
    );
    expect(shown).toContain('"user": "oslo"');
    expect(shown).not.toContain(LOGIN.password);
  });

  it.each<[string, string, () => Options]>([
    ['without a relay', 'notify/option-alone', () => ({ mail: MAIL.mail, mailFrom: MAIL.mailFrom })],
    ['without a sender', 'notify/option-alone', () => ({ mail: MAIL.mail, smtp: MAIL.smtp })],
    ['with a user and no password', 'notify/option-alone', () => ({ ...MAIL, smtpUser: 'oslo' })],
    [
      'with a password and no user',
      'notify/option-alone',
      () => ({ ...MAIL, smtpPasswordFile: login().smtpPasswordFile }),
    ],
    ['with no file', 'file/missing', () => ({ ...MAIL, smtpUser: 'a', smtpPasswordFile: '/nowhere/x' })],
    [
      'in the clear to another machine',
      'document/invalid',
      () => ({ ...MAIL, smtp: 'smtp-clear://10.0.0.1' }),
    ],
  ])('is refused %s, and nothing that was typed with it is kept', async (_what, code, options) => {
    expect(await rejectionOf(say({ ...options(), webhook: URL_HERE }))).toMatchObject({ code });

    expect([await kept(), await said()]).toEqual([null, null]);
  });
});

describe('a test', () => {
  const answering = (tested: Readonly<Record<string, string | null>>) => {
    const asked: string[] = [];
    const reply = { schema: 'fairlead/notices-tested@1', tested };
    const call = async (method: string, path: string) => {
      asked.push(`${method} ${path}`);
      return reply;
    };
    context = { ...context, client: { call: call as never } };
    return asked;
  };

  it('is made by the agent, with what was said a moment before', async () => {
    const asked = answering({ webhook: null });

    expect(await say({ webhook: URL_HERE, test: true })).toBe(0);

    expect(asked).toEqual(['POST /v1/notices/test']);
    expect(terminal.lines()).toContain('test of the webhook: taken');
    expect(await said()).toMatchObject({ webhook: { url: URL_HERE } });
  });

  it('that somebody did not take has an exit status for scripts', async () => {
    answering({ webhook: null, textfile: 'the agent may not write there' });

    expect(await say({ test: true })).toBe(1);

    expect(terminal.lines()).toContain('test of the textfile: the agent may not write there');
  });
});

function secret(text: string): Options {
  return { webhookSecretFile: secretFile(text) };
}

function program(programUser: string): Options {
  return { program: ['/bin/page'], programUser };
}
