// Health probes: what each kind takes, what it is asked as once its variables are filled, and what would fail on every install.
import { describe, expect, it } from 'vitest';
import { splitAddress } from '../../../../shared/schema/probes/addresses.ts';
import {
  addressOf,
  commandOf,
  healthProbe,
  kindOf,
  renderProbe,
  textsOf,
} from '../../../../shared/schema/probes/probes.ts';
import { isName } from '../../../../shared/schema/probes/unix.ts';

const takes = (probe: object) => healthProbe.safeParse(probe).success;
const text = (length: number) => 'a'.repeat(length);
const places = { tree: '/tree', data: '/data', fill: (one: string, key: string) => `<${key}:${one}>` };
const TIMES = { startPeriod: 'PT30S', interval: 'PT2S', timeout: 'PT5S', successes: 3, failures: 3 };

describe('a probe', () => {
  it.each<[string, (n: number) => object, number, number]>([
    ['status', (expect) => ({ http: 'http://a', expect }), 100, 599],
    ['status of a socket', (expect) => ({ unix: '${dir.data}/s', get: '/', expect }), 100, 599],
    ['successes', (successes) => ({ tcp: 'a:1', successes }), 1, 100],
    ['failures', (failures) => ({ tcp: 'a:1', failures }), 1, 100],
    ['length of a URL', (n) => ({ http: text(n) }), 1, 2048],
    ['length of a text', (n) => ({ http: 'http://a', contains: text(n) }), 1, 1024],
    ['length of an address', (n) => ({ tcp: text(n) }), 3, 300],
    ['length of a path', (n) => ({ unix: '${dir.data}/s', get: '/'.padEnd(n, 'a').slice(0, n) }), 1, 1024],
    ['words of a command', (n) => ({ exec: Array.from({ length: n }, () => 'a') }), 1, 256],
    ['length of a word', (n) => ({ exec: [text(n)] }), 1, 4096],
  ])('is bounded on both sides: %s', (_what, of, least, most) => {
    const lengths = [least - 1, least, most, most + 1];

    expect(lengths.map((length) => takes(of(length)))).toEqual([false, true, true, false]);
  });

  it.each<[object, object]>([
    [{ http: 'http://a' }, { http: 'http://a', expect: 200, ...TIMES }],
    [
      { http: 'https://a', tls: {} },
      { http: 'https://a', expect: 200, tls: { insecure: false }, ...TIMES },
    ],
    [{ tcp: 'a:1' }, { tcp: 'a:1', ...TIMES }],
    [{ exec: ['a'] }, { exec: ['a'], ...TIMES }],
    [{ unix: '${dir.data}/s' }, { unix: '${dir.data}/s', expect: 200, ...TIMES }],
  ])('has what its author left out: %j', (written, read) => {
    expect(healthProbe.parse(written)).toEqual(read);
  });

  it.each([
    ['nothing to ask', {}],
    ['two kinds at once', { tcp: 'a:1', exec: ['a'] }],
    ['a body where none is asked for', { unix: '${dir.data}/s', contains: 'a' }],
    ['a socket elsewhere', { unix: '/run/s' }],
    ['the directory of its data', { unix: '${dir.data}' }],
    ['the directory of its data, as one', { unix: '${dir.data}/' }],
    ['a socket above', { unix: '${dir.data}/../s' }],
    ['a socket above what is below', { unix: '${dir.data}/a/..' }],
    ['a socket beside', { unix: 'x${dir.data}/s' }],
    ['a backslash', { unix: '${dir.data}/a\\b' }],
    ['a control character', { unix: '${dir.data}/a\nb' }],
    ['a path without a slash', { unix: '${dir.data}/s', get: 'health' }],
    ['a path with a blank', { unix: '${dir.data}/s', get: '/a b' }],
    ['a path with a control character', { unix: '${dir.data}/s', get: '/a\u0001' }],
    ['a file of the machine to trust', { http: 'https://a', tls: { ca: '/etc/ca.pem' } }],
  ])('may not have %s', (_what, probe) => {
    expect(takes(probe)).toBe(false);
  });
});

describe('what is asked', () => {
  it.each<[object, object]>([
    [
      { http: 'u', contains: 'c' },
      { kind: 'http', url: '<http:u>', expect: 200, contains: '<contains:c>' },
    ],
    [
      { http: 'u', expect: 204, tls: { ca: 'ca.pem' } },
      {
        kind: 'http',
        url: '<http:u>',
        expect: 204,
        contains: null,
        tls: { ca: '/tree/ca.pem', insecure: false },
      },
    ],
    [
      { http: 'u', tls: { insecure: true } },
      { kind: 'http', url: '<http:u>', expect: 200, contains: null, tls: { ca: null, insecure: true } },
    ],
    [{ exec: ['a', 'b'] }, { kind: 'exec', exec: ['<exec:a>', '<exec:b>'] }],
    [
      { unix: '${dir.data}/a/s' },
      { kind: 'unix', directory: '/data', names: ['<unix:a', 's>'], get: null, expect: 200, contains: null },
    ],
    [
      { unix: '${dir.data}/s', get: '/h', expect: 500, contains: 'c' },
      {
        ...{ kind: 'unix', directory: '/data', names: ['<unix:s>'] },
        ...{ get: '<get:/h>', expect: 500, contains: '<contains:c>' },
      },
    ],
  ])('has every variable filled: %j', (probe, question) => {
    expect(renderProbe(healthProbe.parse(probe), places)).toEqual(question);
  });

  it.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['[fe80::1]:1', { host: 'fe80::1', port: 1 }],
  ])('at %s goes there', (address, parts) => {
    const filled = { ...places, fill: (one: string) => one };

    expect(splitAddress(address)).toEqual(parts);
    expect(renderProbe(healthProbe.parse({ tcp: address }), filled)).toEqual({ kind: 'tcp', ...parts });
  });

  it.each<[object, object | null]>([
    [{ tcp: '[::1]:8080' }, { host: '::1', port: 8080 }],
    [{ http: 'http://127.0.0.1/health' }, { host: '127.0.0.1', port: 80 }],
    [{ http: 'https://127.0.0.1/' }, { host: '127.0.0.1', port: 443 }],
    [{ http: 'https://[::1]:8443/' }, { host: '::1', port: 8443 }],
    [{ http: 'nonsense' }, null],
    [{ exec: ['a'] }, null],
    [{ unix: '${dir.data}/s' }, null],
  ])('could be answered by a stranger where %j says: %j', (probe, address) => {
    const filled = { ...places, fill: (one: string) => one };

    expect(addressOf(renderProbe(healthProbe.parse(probe), filled))).toEqual(address);
  });

  it.each<[object, readonly string[] | null, readonly unknown[]]>([
    [
      { http: 'u', contains: 'c' },
      null,
      [
        [['http'], 'u'],
        [['contains'], 'c'],
      ],
    ],
    [{ http: 'u' }, null, [[['http'], 'u']]],
    [{ tcp: 'a:1' }, null, [[['tcp'], 'a:1']]],
    [
      { exec: ['a', 'b'] },
      ['a', 'b'],
      [
        [['exec', 0], 'a'],
        [['exec', 1], 'b'],
      ],
    ],
    [
      { unix: '${dir.data}/s', get: '/h', contains: 'c' },
      null,
      [
        [['unix'], '${dir.data}/s'],
        [['get'], '/h'],
        [['contains'], 'c'],
      ],
    ],
  ])('is made of these texts: %j', (written, command, texts) => {
    const probe = healthProbe.parse(written);

    expect([commandOf(probe), textsOf(probe)]).toEqual([command, texts]);
  });
});

describe('a probe that would fail on every install', () => {
  const problemsOf = (written: object, known: (one: string) => string | null = (one) => one) => {
    const probe = healthProbe.parse(written);
    return kindOf(probe).lint(probe, known);
  };
  const URL_FORM = 'a URL such as "http://127.0.0.1:8080/health"';
  const PORT = 'a port from 1 to 65535';
  const HOST = 'a host that the install itself reaches, such as "127.0.0.1"';
  const ADDRESS = 'an address such as "127.0.0.1:8080" or "[::1]:8080"';
  const SCHEME = 'the scheme "http" or "https"';
  const OPEN = 'no user and password in a release, which everybody may read';

  it.each([
    'http://127.0.0.1:8080/health',
    'https://localhost/',
    'HTTP://LOCALHOST:1/',
    'http://[::1]:65535/a?b#c',
    'http://user:${settings.password}@localhost/',
    'http://db.example.com',
    'http://localhost:8080?a=b:c',
  ])('is not the URL %s', (http) => {
    expect(problemsOf({ http })).toEqual([]);
  });

  it.each([
    ['http://127.0.0.1/a b', URL_FORM, 'write it without blanks'],
    ['http://127.0.0.1/a\u0001', URL_FORM, 'write it without blanks'],
    ['127.0.0.1:8080/health', URL_FORM, 'write "http://" before it'],
    ['x http', URL_FORM, 'write it without blanks'],
    ['//127.0.0.1', URL_FORM, 'write "http://" before it'],
    ['ftp://127.0.0.1/', SCHEME, 'use one of them, or a "tcp" probe'],
    ['httpx://127.0.0.1/', SCHEME, 'use one of them, or a "tcp" probe'],
    ['git+ssh-2.0://127.0.0.1/', SCHEME, 'use one of them, or a "tcp" probe'],
    ['http://127.0.0.1:0/', PORT, 'correct the port'],
    ['http://127.0.0.1:65536/', PORT, 'correct the port'],
    ['http://127.0.0.1:/', PORT, 'correct the port'],
    ['http://127.0.0.1:80x/', PORT, 'correct the port'],
    ['http://127.0.0.1:x80', PORT, 'correct the port'],
    ['http://[::1]:0', PORT, 'correct the port'],
    ['http://[::1/', URL_FORM, 'correct its host'],
    ['http://0.0.0.0:80/', HOST, 'probe the loopback address, over a published port for a container'],
    ['http://[::]:80/', HOST, 'probe the loopback address, over a published port for a container'],
    ['http://web:80/', HOST, 'probe the loopback address, over a published port for a container'],
    [
      'http://admin:secret@127.0.0.1/',
      OPEN,
      'declare settings for user and password, and write "http://${settings.user}:${settings.password}@…"',
    ],
    [
      'HTTPS://admin@127.0.0.1/',
      OPEN,
      'declare settings for user and password, and write "http://${settings.user}:${settings.password}@…"',
    ],
  ])('is the URL %s', (http, expected, remedy) => {
    expect(problemsOf({ http })).toEqual([{ key: 'http', found: http, expected, remedy }]);
  });

  it('is not looked for in a text that an operator fills, but for what stands open in it', () => {
    const unknown = () => null;

    expect(problemsOf({ http: 'http://${settings.host}/' }, unknown)).toEqual([]);
    expect(problemsOf({ tcp: '${settings.host}' }, unknown)).toEqual([]);
    expect(problemsOf({ unix: '${dir.data}/${settings.name}' }, unknown)).toEqual([]);
    expect(problemsOf({ http: 'http://a:b@${settings.host}/' }, unknown)).toMatchObject([{ expected: OPEN }]);
  });

  it.each([
    '127.0.0.1:1',
    'localhost:65535',
    '[::1]:80',
    'LOCALHOST:80',
    'db.example.com:5432',
    '[FE80::a.b]:1',
  ])('is not the address %s', (tcp) => {
    expect(problemsOf({ tcp })).toEqual([]);
  });

  it.each([
    ['127.0.0.1', ADDRESS],
    [':80', ADDRESS],
    ['::1:80', ADDRESS],
    ['a b:80', ADDRESS],
    ['a@b:80', ADDRESS],
    ['http://a:80', ADDRESS],
    ['[::1:80', ADDRESS],
    ['[xyz]:80', ADDRESS],
    ['127.0.0.1:', PORT],
    ['127.0.0.1:0', PORT],
    ['127.0.0.1:65536', PORT],
    ['127.0.0.1:000001', PORT],
    ['127.0.0.1:1e3', PORT],
    ['0.0.0.0:80', HOST],
    ['[::]:80', HOST],
    ['web:80', HOST],
  ])('is the address %s', (tcp, expected) => {
    expect(problemsOf({ tcp })).toMatchObject([{ key: 'tcp', found: tcp, expected }]);
  });

  it.each([
    ['a', []],
    ['a/b.sock', []],
    ['..', ['..']],
    ['a/.', ['a/.']],
    ['a//b', ['a//b']],
    ['', ['']],
  ])('is a socket whose settings fill in %j', (filled, wrong) => {
    const unix = '${dir.data}/${settings.name}';

    expect(problemsOf({ unix }, () => filled)).toEqual(
      wrong.map(() => ({
        key: 'unix',
        found: unix,
        expected: 'a path that stays in the data of the service',
        remedy: 'name a socket below ${dir.data}',
      })),
    );
    expect(filled.split('/').every(isName)).toBe(wrong.length === 0);
  });

  it.each(['a\0b', 'a/b', '', '.', '..'])('no entry of a directory is called %j', (name) => {
    expect(isName(name)).toBe(false);
  });

  it('is no command', () => {
    expect(problemsOf({ exec: ['a'] })).toEqual([]);
  });
});
