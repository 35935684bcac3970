// How people of an install are told, for real: a command without a shell, a signed webhook of theirs, a file that node_exporter reads.
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeMailFile } from '../../../../agent/adapters/machine/mail-notices.ts';
import {
  createNotices,
  readNoticesFile,
  writeNoticesFile,
} from '../../../../agent/adapters/machine/notices.ts';
import { MOST_NOTICES, type NoticesFile, type NoticesTold } from '../../../../agent/core/notices.ts';
import type { Notices } from '../../../../agent/ports/machine.ts';
import { foundCompany } from '../../../support/certificates.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { type MailRelay, readMail, startMailRelay } from '../../../support/mail-relay.ts';
import { type Receiver, startReceiver } from '../../../support/webhook-receiver.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const MESSAGE: NoticesTold = {
  ...{ at: '2026-11-29T12:00:00Z', instance: { id: 'one', name: 'Oslo' }, verdict: 'ask' },
  notices: [{ kind: 'alarm', text: 'it burns; $(id) `id` "quoted"', since: '2026-11-29T11:00:00Z' }],
};
const saying = (text: string): NoticesTold => ({
  ...MESSAGE,
  notices: [{ kind: 'alarm', text, since: '2026-11-29T11:00:00Z' }],
});

let directory: string;
let notices: Notices;
let receiver: Receiver;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'notices-'));
  notices = createNotices(directory, { warn: () => undefined }, () => NOW);
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  rmSync(directory, { recursive: true, force: true });
});

const say = (said: Partial<NoticesFile>) =>
  writeNoticesFile(directory, { schema: 'fairlead/notices@1', ...said });

function program(script: string): string {
  const path = join(directory, 'page');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  chmodSync(directory, 0o755);
  return path;
}

describe('a command', () => {
  const call = (exec: readonly string[]) => say({ program: { exec: [...exec], user: userInfo().username } });

  it('gets the notices on its standard input, and its words as they are', async () => {
    const out = join(directory, 'out');
    await call([program('cat >"$1"; printf %s "$2" >>"$1"'), out, '$(id); `id`']);

    expect(await notices.send('program', MESSAGE)).toBeNull();

    const [body = '', word] = readFileSync(out, 'utf8').split('\n');
    expect(JSON.parse(body)).toEqual({
      type: 'install.notices',
      timestamp: '2026-11-29T12:00:00Z',
      data: MESSAGE,
    });
    expect(word).toBe('$(id); `id`');
  });

  it('that reads nothing is taken for what its status says', async () => {
    await call([program('exit 0')]);
    expect(await notices.send('program', saying('a'.repeat(200_000)))).toBeNull();
    await call([program('echo no pager >&2; exit 3')]);
    expect(await notices.send('program', MESSAGE)).toBe('exit status 3: no pager');
  });

  it('that is not there is a problem in words', async () => {
    await call([join(directory, 'nowhere')]);

    expect(await notices.send('program', MESSAGE)).toBe('it cannot be started');
  });

  it('runs as nobody where the agent is root', async (test) => {
    if (process.getuid?.() !== 0) return test.skip('needs root');
    const out = join(directory, 'who');
    writeFileSync(out, '');
    chmodSync(out, 0o666);
    await say({ program: { exec: [program('id -un >"$1"'), out], user: 'nobody' } });

    expect(await notices.send('program', MESSAGE)).toBeNull();
    expect(readFileSync(out, 'utf8').trim()).toBe('nobody');
  });
});

describe('a webhook', () => {
  it('is signed where there is a secret, and carries nothing of the install’s own', async () => {
    await say({ webhook: { url: receiver.url, secret: SECRET } });

    expect(await notices.send('webhook', MESSAGE)).toBeNull();

    const [heard] = receiver.heard;
    const { headers = {}, body = '' } = heard ?? {};
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const wanted = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${wanted}`);
    expect(headers['authorization']).toBeUndefined();
  });

  it.each([301, 404, 500])('that answers %i has not taken it, and is not followed', async (status) => {
    await say({ webhook: { url: receiver.url } });
    receiver.answer = (_heard, response) => {
      response.writeHead(status, { location: receiver.url }).end();
      return null;
    };

    expect(await notices.send('webhook', MESSAGE)).toBe(`it answers ${status}`);
    expect(receiver.heard).toHaveLength(1);
  });

  it('that is not there is a problem, not a failure', async () => {
    await say({ webhook: { url: 'http://127.0.0.1:1/' } });

    expect(await notices.send('webhook', MESSAGE)).toEqual(expect.any(String));
  });
});

it('a test between two attempts has an id of its own, and leaves the other as it is', async () => {
  const test: NoticesTold = {
    ...MESSAGE,
    notices: [{ kind: 'test', text: 'a test', since: MESSAGE.at }],
  };
  await say({ webhook: { url: receiver.url, secret: SECRET } });
  receiver.answer = () => 503;
  await notices.send('webhook', MESSAGE);
  await notices.send('webhook', test);
  receiver.answer = () => 200;
  await notices.send('webhook', test);
  await notices.send('webhook', MESSAGE);

  const [first, failed, taken, again] = receiver.heard.map(({ id }) => id);
  expect(again).toBe(first);
  expect(new Set([first, failed, taken]).size).toBe(3);
});

it('what is tried again has the id that it had, until it is taken or says something else', async () => {
  await say({ webhook: { url: receiver.url, secret: SECRET } });
  receiver.answer = () => 503;
  await notices.send('webhook', MESSAGE);
  await notices.send('webhook', { ...MESSAGE, at: '2026-11-29T12:05:00Z' });
  receiver.answer = () => 200;
  await notices.send('webhook', MESSAGE);
  await notices.send('webhook', MESSAGE);
  await notices.send('webhook', saying('something else'));

  const ids = receiver.heard.map(({ id }) => id);
  expect(new Set(ids.slice(0, 3)).size).toBe(1);
  expect(new Set(ids).size).toBe(3);
});

describe('mail', () => {
  const LOGIN = { user: 'oslo', password: 'a-password-of-the-relay' };
  let relay: MailRelay;
  beforeEach(async () => {
    relay = await startMailRelay({ login: LOGIN });
    await writeMailFile(directory, {
      ...{ schema: 'fairlead/mail@1', to: 'ops@example.org', from: 'fairlead@example.org' },
      ...{ smtp: `smtp-clear://127.0.0.1:${relay.port}`, login: LOGIN },
    });
  });
  afterEach(() => relay.close());

  it('says what a webhook says, in lines, beside those that another file names', async () => {
    await say({ webhook: { url: receiver.url } });

    expect(await notices.config()).toMatchObject({ webhook: {}, mail: { to: 'ops@example.org' } });
    expect(await notices.send('mail', MESSAGE)).toBeNull();

    const [mail] = relay.taken;
    expect(mail).toMatchObject({ to: 'ops@example.org', from: 'fairlead@example.org', user: 'oslo' });
    expect(mail?.headers.get('subject')).toBe('[Fairlead] Oslo: 1 alarm');
    expect(mail?.text).toBe(
      [
        'alarm: it burns; $(id) `id` "quoted"',
        '    since 2026-11-29T11:00:00Z',
        ...['', '-- ', 'Told by the agent of Fairlead on Oslo (one). Verdict: ask.', ''],
      ].join('\n'),
    );
  });

  it('that is tried again has the Message-ID that it had', async () => {
    relay.answer = (command) => (command === 'MESSAGE' ? '451 4.3.0 later' : undefined);
    expect(await notices.send('mail', MESSAGE)).toBe('it answers 451 4.3.0 to DATA');
    relay.answer = () => undefined;
    for (let i = 0; i < 2; i++) await notices.send('mail', MESSAGE);

    const ids = [...relay.refused, ...relay.taken.map(({ raw }) => raw)].map((raw) =>
      readMail(raw).headers.get('message-id'),
    );
    expect(ids).toHaveLength(3);
    expect(ids[0]).toMatch(/^<msg_[0-9a-f-]{36}@example\.org>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('says all that is counted as told, and whose it is, however much stands', async () => {
    const notice = { kind: 'request', since: '2026-11-29T11:00:00Z' } as const;
    const all = Array.from({ length: MOST_NOTICES }, (_, i) => ({
      ...notice,
      text: `${i}: ${'x'.repeat(2_000)}`,
    }));
    const name = 'o'.repeat(200);

    expect(
      await notices.send('mail', { ...MESSAGE, instance: { id: 'i'.repeat(100), name }, notices: all }),
    ).toBeNull();
    expect(await notices.send('mail', saying('y'.repeat(900)))).toBeNull();

    const [mail, short] = relay.taken;
    for (let i = 0; i < MOST_NOTICES; i++)
      expect(mail?.text).toContain(`\nrequest: ${i}: xxx`.slice(i === 0 ? 1 : 0));
    expect(mail?.text).toMatch(/Told by the agent of Fairlead on o{10,}.* Verdict: ask\.\n$/);
    expect(short?.text).toContain('y'.repeat(900));
  });

  it('is of one shape whatever an install or an alarm is called, and says good-bye', async () => {
    const name = 'Oslo\r\nBcc: x@example.com\u202e';
    const hostile = { ...saying('a\r\n.\r\nQUIT\r\n'.repeat(100_000)), instance: { id: 'one', name } };

    expect(await notices.send('mail', hostile)).toBeNull();

    expect(relay.taken[0]?.raw.length).toBeLessThan(30_000);
    expect([...(relay.taken[0]?.headers.keys() ?? [])]).not.toContain('bcc');
    await expect.poll(() => relay.heard.at(-1)).toBe('QUIT');
    expect(relay.heard.filter((line) => line.startsWith('MAIL'))).toHaveLength(1);
  });

  it('that is not taken says why, and nothing that is secret', async () => {
    relay.answer = (command) => (command === 'LOGIN' ? `535 ${LOGIN.password}` : undefined);
    expect(await notices.send('mail', MESSAGE)).toBe('it answers 535 to AUTH PLAIN');
    await relay.close();
    expect(await notices.send('mail', MESSAGE)).toBe('no connection: ECONNREFUSED');
    relay = await startMailRelay();
  });

  it('goes over TLS to a relay whose authority the agent believes, and to no other', async () => {
    const company = foundCompany();
    company.sign('relay', 'DNS:localhost,IP:127.0.0.1');
    const tls = { cert: company.pem('relay.pem'), key: company.pem('relay.key') };
    const secure = await startMailRelay({ tls });
    await writeMailFile(directory, {
      ...{ schema: 'fairlead/mail@1', to: 'ops@example.org', from: 'fairlead@example.org' },
      smtp: `smtp://127.0.0.1:${secure.port}`,
    });

    expect(await notices.send('mail', MESSAGE)).toMatch(/^no connection: (?:UNABLE|SELF_SIGNED|DEPTH)/);
    writeFileSync(
      join(directory, 'network.json'),
      JSON.stringify({ schema: 'fairlead/network@1', ca: company.pem('ca.pem') }),
    );
    expect(await notices.send('mail', MESSAGE)).toBeNull();

    expect(secure.taken).toMatchObject([{ isSecure: true }]);
    await secure.close();
    company.remove();
  });

  it('is said in a file of root’s alone, which an earlier agent does not read', async () => {
    expect(statSync(join(directory, 'mail.json')).mode & 0o777).toBe(0o600);
    expect(await readNoticesFile(directory)).toBeNull();
    writeFileSync(join(directory, 'mail.json'), '{ "schema": "fairlead/mail@1", "to": "ops" }');

    expect(await notices.config()).toBeNull();
    expect(await notices.send('mail', MESSAGE)).toEqual(expect.any(String));
    await say({ webhook: { url: receiver.url } });
    expect(await notices.config()).not.toHaveProperty('mail');
    expect(await notices.send('webhook', MESSAGE)).toBeNull();
  });
});

describe('the file of numbers', () => {
  it('is whole, and readable by others whatever the agent’s own mask', async () => {
    const before = process.umask(0o077);
    try {
      await notices.writeTextfile(directory, 'fairlead_alarms 0\n');
    } finally {
      process.umask(before);
    }

    expect(readFileSync(join(directory, 'fairlead.prom'), 'utf8')).toBe('fairlead_alarms 0\n');
    expect(statSync(join(directory, 'fairlead.prom')).mode & 0o777).toBe(0o644);
    expect(readdirSync(directory)).toEqual(['fairlead.prom']);
  });

  it.each(['fairlead.prom', `.fairlead.prom.${process.pid}`])(
    'goes through no link that another account planted at %s',
    async (name) => {
      const victim = join(directory, 'victim');
      writeFileSync(victim, 'secret', { mode: 0o600 });
      const collector = mkdtempSync(join(directory, 'collector-'));
      symlinkSync(victim, join(collector, name));

      await notices.writeTextfile(collector, 'fairlead_alarms 0\n');

      expect(readFileSync(victim, 'utf8')).toBe('secret');
      expect(statSync(victim).mode & 0o777).toBe(0o600);
      expect(lstatSync(join(collector, 'fairlead.prom')).isFile()).toBe(true);
    },
  );

  it('that lies where a confined agent writes nothing is named with the line that lets it', (test) => {
    if (process.getuid?.() !== 0) return test.skip('needs root');
    const confined = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"';
    const source = new URL('../../../../agent/adapters/machine/notices.ts', import.meta.url).href;
    const script = `const { createNotices } = await import('${source}');
      const notices = createNotices('/nowhere', console, Date.now);
      await notices.writeTextfile(process.argv[1], 'x').catch(({ code, hint }) => console.log(code, hint));`;

    const words = ['-m', 'sh', '-c', confined, 'sh', directory, process.execPath, '-e', script, directory];
    const { stdout } = spawnSync('unshare', words, { encoding: 'utf8' });

    expect(stdout).toMatch(/^notify\/read-only /);
    expect(stdout).toContain(
      `systemctl edit fairlead-agent.service, and below [Service] ReadWritePaths=${directory}`,
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('that has no place is a problem in words', async () => {
    const refusal = await rejectionOf(notices.writeTextfile(join(directory, 'nowhere'), 'x'));

    expect(refusal.code).toBe('disk/failed');
  });
});

describe('what was said', () => {
  it('is readable by its owner alone, and a slip in it tells nobody and stops nothing', async () => {
    await say({ webhook: { url: receiver.url, secret: SECRET } });
    expect(statSync(join(directory, 'notices.json')).mode & 0o777).toBe(0o600);

    writeFileSync(join(directory, 'notices.json'), '{ "schema": "fairlead/notices@1", "pager": 1 }');
    expect(await notices.config()).toBeNull();
    expect((await rejectionOf(readNoticesFile(directory))).code).toBe('document/invalid');
  });

  it.each([
    ['a secret that is none', { webhook: { url: 'https://x.example/', secret: 'secret' } }],
    ['an address that is none', { webhook: { url: 'x.example' } }],
    ['an interval that is too short', { again: 'PT1M' }],
    ['a place that is relative', { textfile: 'metrics' }],
  ])('is refused with %s, and nothing is written', async (_what, said) => {
    expect((await rejectionOf(say(said))).code).toBe('document/invalid');
    expect(readdirSync(directory)).toEqual([]);
  });
});
