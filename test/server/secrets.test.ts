// No secret leaves the server: one is planted in every input it has, and looked for everywhere it writes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { INIT, ON_DIRECTORY, runOf } from '../../server/cli/specs.ts';
import { PAGES, ROUTES } from '../../server/http/all-routes.ts';
import { createCanaries } from '../support/canary.ts';
import { type HostileProvider, startHostileProvider } from '../support/hostile-provider.ts';
import { testKey } from '../support/publications.ts';
import { callServer, endServer, runServer, type ServerProcess } from '../support/server-process.ts';

const PATIENCE_MS = 120_000;

const { plant, know, findIn } = createCanaries();

const COMMANDS = [INIT, runOf(async () => async () => 0), ...ON_DIRECTORY];
/** Each option that names a file, where it comes first. */
const FILES = new Map(
  COMMANDS.toReversed().flatMap((command) =>
    (command.options ?? []).flatMap(({ flags }) => {
      const flag = /^(--[a-z-]+) <file>$/.exec(flags)?.[1];
      return flag === undefined ? [] : [[flag, command.name] as const];
    }),
  ),
);
/** What else a command needs before it reads the file. */
const BESIDES: Readonly<Record<string, (file: string) => readonly string[]>> = {
  '--tls-cert': (file) => ['--tls-key', file],
  '--tls-key': (file) => ['--tls-cert', file],
  '--oidc-secret-file': (file) => ['--oidc', file],
  '--smtp-password-file': () => [
    '--smtp',
    'smtp://127.0.0.1:1',
    '--mail-from',
    'a@example.com',
    '--smtp-user',
    'a',
  ],
  '--smtp-ca': () => ['--smtp', 'smtp://127.0.0.1:1', '--mail-from', 'a@example.com'],
  '--root': () => ['--from', 'http://127.0.0.1:1'],
};
const FORMS: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => `${secret}\n${secret}\n`,
  (secret) => `postgres://fairlead:${secret}@127.0.0.1:1/fairlead`,
  (secret) => `s3://bucket/prefix?key=${secret}&secret=${secret}`,
  (secret) => `s3://key:${secret}@bucket/prefix`,
  (secret) => `{"schema":"fairlead/oidc@1","clientSecret":${secret}}`,
  (secret) => `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`,
];

let home: string;
let dir: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-secrets-'));
  dir = join(home, 'server');
  await callServer(['init', '--dir', dir]);
}, PATIENCE_MS);
afterAll(() => rm(home, { recursive: true, force: true }));

describe('a command that is given a file which holds something else', () => {
  it.each([...FILES])(
    '%s says what is wrong and not what stands there',
    async (flag, name) => {
      // Any other text names a directory, which is no secret.
      const isPlace = flag === '--repository-file' || flag === '--backup-file';
      const forms = isPlace ? FORMS.filter((form) => form('').startsWith('s3:')) : FORMS;
      const outputs = forms.map(async (form, i) => {
        const file = join(home, `given${flag}-${i}`);
        writeFileSync(file, form(plant(`${name} ${flag}`)));
        // What would serve, were nothing wrong with the file, finds no directory to serve from.
        const nowhere = name === 'run' || isPlace ? join(home, 'nowhere') : dir;
        const place = name === 'mirror' ? join(home, `mirror${i}`) : nowhere;
        const argv = [
          flag === '--repository-file' ? 'run' : name,
          '--dir',
          place,
          flag,
          file,
          ...(BESIDES[flag]?.(file) ?? []),
        ];
        const { status, stdout, stderr } = await callServer(argv);
        expect(status, argv.join(' ')).not.toBe(0);
        return stdout + stderr;
      });

      expect(findIn((await Promise.all(outputs)).join('\n'))).toEqual([]);
    },
    PATIENCE_MS,
  );

  it('knows of every option that names a file', () => {
    expect([...FILES.keys()].sort()).toEqual([
      '--backup-file',
      '--backup-key-file',
      '--database-file',
      '--download-key-file',
      '--oidc',
      '--oidc-secret-file',
      '--passphrase-file',
      '--repository-file',
      '--root',
      '--smtp-ca',
      '--smtp-password-file',
      '--tls-cert',
      '--tls-key',
      '--to-file',
    ]);
  });
});

describe('a server', () => {
  let provider: HostileProvider;
  let server: ServerProcess;
  let admin: string;
  const answers: string[] = [];
  let callers = 0;

  /** Each from an address of its own: refusals from one would soon be refused for their number. */
  async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const caller = `10.${callers >> 16}.${(callers >> 8) & 255}.${callers++ & 255}`;
    const headers = new Headers(init.headers);
    headers.set('x-forwarded-for', caller);
    const response = await fetch(`${server.url}${path}`, { ...init, method, headers, redirect: 'manual' });
    const shown = [...response.headers].filter(([name]) => name !== 'set-cookie');
    answers.push(`${method} ${path.split('?')[0]} ${JSON.stringify(shown)} ${await response.clone().text()}`);
    return response;
  }

  const asAdmin = (body?: object) => ({
    headers: { authorization: `Bearer ${admin}`, ...(body === undefined ? {} : JSON_TYPE) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const JSON_TYPE = { 'content-type': 'application/json' };

  /** As a program reads its own answer: the only place where the text may stand. */
  async function given(path: string, body: object, key: string): Promise<string> {
    const init = asAdmin(body);
    const response = await send('POST', path, {
      ...init,
      headers: { ...init.headers, 'idempotency-key': key },
    });
    const found = z
      .object({ token: z.string().optional(), code: z.string().optional() })
      .parse(await response.json());
    const secret = found.token ?? found.code ?? '';
    expect(secret.length).toBeGreaterThan(30);
    answers.pop();
    return secret;
  }

  beforeAll(async () => {
    provider = await startHostileProvider();
    const config = join(home, 'oidc.json');
    writeFileSync(
      config,
      JSON.stringify({
        ...{ schema: 'fairlead/oidc@1', issuer: provider.issuer, audience: 'urn:fairlead' },
        roles: { viewer: ['staff'] },
        browser: { clientId: 'fairlead-web', url: 'http://localhost:18080' },
      }),
    );
    know('the passphrase of the keys', readFileSync(join(dir, 'passphrase'), 'utf8').trim());
    admin = readFileSync(join(dir, 'admin.token'), 'utf8').trim();
    know('the first token', admin);
    const mail = ['--smtp', 'smtp://127.0.0.1:1', '--mail-from', 'a@example.com', '--smtp-user', 'fairlead'];
    const argv = ['--dir', dir, '--oidc', config, '--trust-proxy', '127.0.0.1', ...mail];
    server = await runServer(argv, {
      FAIRLEAD_SERVER_OIDC_SECRET: plant('the secret of the client'),
      FAIRLEAD_SERVER_SMTP_PASSWORD: plant('the password at the relay'),
    });
  }, PATIENCE_MS);
  afterAll(async () => {
    await endServer(server.child, 'SIGKILL');
    await provider.close();
  }, PATIENCE_MS);

  it(
    'answers every route with nothing of what a request brought that is secret',
    async () => {
      for (const { method, path, example } of [
        ...ROUTES,
        ...PAGES.map((page) => ({ ...page, example: {} })),
      ]) {
        const at = (place: string) => plant(`${method} ${path}: ${place}`);
        const url = path.replace(/:\w+/g, '00000000-0000-4000-8000-00000000dead').replace('*', 'x');
        const query = (place: string) =>
          ['code', 'token', 'password', 'state'].map((name) => `${name}=${at(place)}`).join('&');
        const brought = {
          cookie: `fairlead-session=${at('its cookie')}; fairlead-sign-in=${at('its other cookie')}; a=${at('a cookie')}`,
          referer: `https://elsewhere.example/?token=${at('where it came from')}`,
          'idempotency-key': at('its key'),
          'x-api-key': at('a header of nobody'),
          'if-match': `"${at('the state it means')}"`,
        };
        const texts = ['GET', 'HEAD'].includes(method)
          ? [undefined]
          : [
              JSON.stringify({
                ...('body' in example ? example.body : {}),
                password: at('a field of nobody'),
              }),
              `{"password":"${at('half a document')}`,
              at('no document'),
            ];
        for (const text of texts) {
          for (const authorization of [
            `Bearer ${at('a token')}`,
            `Bearer flt_${at('a token of ours')}`,
            `Bearer a.${Buffer.from(JSON.stringify({ iss: at('a token of an agent') })).toString('base64url')}.b`,
            `Basic ${Buffer.from(`x:${at('a password')}`).toString('base64')}`,
            `Bearer ${admin}`,
            undefined,
          ]) {
            const headers = {
              ...brought,
              ...JSON_TYPE,
              ...(authorization === undefined ? {} : { authorization }),
            };
            await send(method, `${url}?${query('its query')}`, {
              headers,
              ...(text === undefined ? {} : { body: text }),
            });
            if (authorization === undefined || authorization.endsWith(admin)) {
              const { cookie: _, ...alone } = headers;
              await send(method, url, { headers: alone, ...(text === undefined ? {} : { body: text }) });
            }
          }
        }
      }

      expect(
        answers.flatMap((answer) => findIn(answer).map((where) => [where, answer.slice(0, 300)])),
      ).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'hands out what it makes once, and keeps and shows none of it anywhere else',
    async () => {
      const token = { name: 'dashboard', role: 'viewer', validFor: 'P1D' };
      know('a token that was made', await given('/api/v1/tokens', token, plant('a key for a token')));
      const code = await given('/api/v1/enrolments', { name: 'Harbour' }, plant('a key for a code'));
      know('a code that was made', code);
      const publicKey = Buffer.from(testKey('secrets').key.keyval.public, 'hex').toString('base64url');
      const agent = { publicKey, hostname: 'app-1', agentVersion: '0.1.0' };
      for (const [of, status] of [
        [plant('a code that is wrong'), 403],
        [`fairlead1_${plant('a whole string')}${'x'.repeat(60)}`, 403],
        [code, 200],
        [code, 200],
      ] as const) {
        const init = { headers: JSON_TYPE, body: JSON.stringify({ ...agent, code: of }) };
        expect((await send('POST', '/api/v1/enrolments/redeem', init)).status).toBe(status);
      }
      await signIn();

      const metrics = await (await send('GET', '/metrics', asAdmin())).text();
      const audit = await (await send('GET', '/api/v1/audit?limit=1000', asAdmin())).text();
      expect(metrics).toContain('fairlead');
      expect(audit).toContain('session.began');
      expect(
        answers.flatMap((answer) => findIn(answer).map((where) => [where, answer.slice(0, 300)])),
      ).toEqual([]);
    },
    PATIENCE_MS,
  );

  it('has written none of it, into its log, its directory or its command line', async () => {
    expect(server.output()).toContain('request refused');
    expect(findIn(server.output())).toEqual([]);
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      if (['passphrase', 'admin.token', 'publisher.token'].includes(name)) continue;
      const bytes = await readFileOrNothing(join(dir, name));
      expect(findIn(bytes.toString('latin1')), name).toEqual([]);
    }
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    for (const id of processes) {
      expect(findIn((await readFileOrNothing(`/proc/${id}/cmdline`)).toString()), id).toEqual([]);
    }
  });

  it('has told the provider its secret, and nobody else', () => {
    const heard = provider.heard.filter(({ headers }) => {
      const [, given = ''] = /^Basic (.*)$/.exec(headers.authorization ?? '') ?? [];
      return findIn(Buffer.from(given, 'base64').toString()).includes('the secret of the client');
    });

    expect([...new Set(heard.map(({ path }) => path))]).toEqual(['/token']);
  });

  async function signIn(): Promise<void> {
    const begun = await send('GET', '/auth/sign-in');
    const [cookie = ''] = begun.headers.getSetCookie().map((line) => line.split(';')[0] ?? '');
    const asked = new URL(begun.headers.get('location') ?? '').searchParams;
    know('the secret of a sign-in', cookie.split('=')[1] ?? '');
    answers.pop();
    const now = Math.floor(Date.now() / 1000);
    provider.claims = {
      ...{ iss: provider.issuer, aud: 'fairlead-web', sub: 'ann', iat: now, exp: now + 300 },
      ...{ nonce: asked.get('nonce'), groups: ['staff'] },
    };
    const code = plant('a code of the provider');
    const query = new URLSearchParams({ code, state: asked.get('state') ?? '', iss: provider.issuer });
    const back = await send('GET', `/auth/callback?${query}`, { headers: { cookie } });
    expect(back.status).toBe(303);
    const session = back.headers.getSetCookie().map((line) => line.split(';')[0] ?? '')[0] ?? '';
    know('a session', session.split('=')[1] ?? '');
    const who = await send('GET', '/api/v1/session', { headers: { cookie: session } });
    expect(await who.json()).toMatchObject({ name: 'ann' });
    await send('GET', `/auth/callback?${query}`, { headers: { cookie: session } });
    const out = { headers: { cookie: session, origin: 'http://localhost:18080' } };
    expect((await send('POST', '/auth/sign-out', out)).status).toBe(200);
  }
});

/** What is gone by now, or nobody's to read, shows nothing. */
async function readFileOrNothing(path: string): Promise<Buffer> {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
