// HTTP probes: the service answers a request with the status, and the text, that it should.
import { z } from 'zod';
import { treePath } from '../common.ts';
import type { Words } from '../words.ts';
import { addressProblems, bare, portProblems } from './addresses.ts';
import { type ProbeProblem, probeKind, TIMING } from './probe-kind.ts';

const URL_FORM = 'a URL such as "http://127.0.0.1:8080/health"';

/** What an answer over HTTP must be, whatever carries it. */
export const EXPECTED = {
  expect: z.int().min(100).max(599).default(200),
  /** Text the body must hold; the first 64 KiB are read. */
  contains: z.string().min(1).max(1024).optional(),
};

export const EXPECTED_WORDS: Words = {
  'health[].expect': { form: 'HTTP status', about: 'The status that means healthy.', example: '204' },
  'health[].contains': {
    form: 'text, up to 1,024 characters',
    about: 'What the body must hold; its first 64 KiB are read.',
    example: '"ready"',
  },
};

export const http = probeKind({
  key: 'http',
  schema: z.strictObject({
    http: z.string().min(1).max(2048),
    ...EXPECTED,
    /** For certificates that no public authority has signed: `ca` is a PEM file in the tree; `insecure` believes any. */
    tls: z.strictObject({ ca: treePath.optional(), insecure: z.boolean().default(false) }).optional(),
    ...TIMING,
  }),
  words: {
    'health[].http': {
      form: 'http or https URL',
      about: 'Asked with GET; no redirect is followed.',
      example: '"http://127.0.0.1:${settings.port}/health"',
    },
    ...EXPECTED_WORDS,
    'health[].tls': { about: 'How the certificate of an https address is judged.' },
    'health[].tls.ca': {
      about: 'A file of the tree with the certificate that signs the service’s own.',
      example: '"tls/ca.pem"',
    },
    'health[].tls.insecure': {
      about: 'Any certificate will do: for a service that makes its own at its first start.',
      example: 'true',
    },
  },
  texts: ['http', 'contains'],
  render({ http: url, expect, contains, tls }, { fill, tree }) {
    const authority = tls?.ca === undefined ? null : `${tree}/${tls.ca}`;
    return {
      kind: 'http' as const,
      url: fill(url, 'http'),
      expect,
      contains: contains === undefined ? null : fill(contains, 'contains'),
      /** Whom an https service is believed; the machine's own authorities unless given. `ca`: path of a PEM file. */
      ...(tls === undefined ? {} : { tls: { ca: authority, insecure: tls.insecure } }),
    };
  },
  lint({ http: text }, known): readonly ProbeProblem[] {
    const filled = known(text);
    const open = literalCredentials(text);
    return open.length > 0 || filled === null ? open : urlProblems(filled);
  },
  addressOf({ url }) {
    if (!URL.canParse(url)) return null;
    const { hostname, port, protocol } = new URL(url);
    const standard = protocol === 'https:' ? 443 : 80;
    return { host: bare(hostname), port: port === '' ? standard : Number(port) };
  },
});

/** Whoever may fetch the release may read them. */
function literalCredentials(text: string): readonly ProbeProblem[] {
  const user = /^[a-z]+:\/\/([^/@?#]*)@/i.exec(text)?.[1];
  if (user === undefined || user.includes('${')) return [];
  const expected = 'no user and password in a release, which everybody may read';
  const remedy =
    'declare settings for user and password, and write "http://${settings.user}:${settings.password}@…"';
  return [{ key: 'http', found: text, expected, remedy }];
}

function urlProblems(text: string): readonly ProbeProblem[] {
  const wrong = (expected: string, remedy: string) => [{ key: 'http', found: text, expected, remedy }];
  if (/[\s\p{Cc}]/u.test(text)) return wrong(URL_FORM, 'write it without blanks');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return wrong(URL_FORM, `write "http://" before it`);
  if (scheme !== 'http' && scheme !== 'https') {
    return wrong('the scheme "http" or "https"', 'use one of them, or a "tcp" probe');
  }
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  // Judged before the URL is parsed: that would only say "invalid" of a port, and take "127.1" for an address.
  const port = /:([^\]:]*)$/.exec(host)?.[1];
  const wrongPort = port === undefined ? [] : portProblems('http', text, port);
  if (wrongPort.length > 0) return wrongPort;
  if (!URL.canParse(text)) return wrong(URL_FORM, 'correct its host');
  return addressProblems('http', text, new URL(text).hostname, null);
}
