// Socket probes: somebody listens at a socket of the service's own, and answers over HTTP where that is asked for.
import { z } from 'zod';
import { EXPECTED, EXPECTED_WORDS } from './http.ts';
import { type ProbeProblem, probeKind, TIMING } from './probe-kind.ts';

const DATA = '${dir.data}/';

const socket = z
  .string()
  .max(300)
  .regex(/^\$\{dir\.data\}(?:\/(?!\.{0,2}(?:\/|$))[^/\\\p{Cc}]+)+$/u, {
    error: 'a socket in the data of the service, such as "${dir.data}/web.sock"',
  });

const path = z
  .string()
  .max(1024)
  .regex(/^\/[^\s\p{Cc}]*$/u, { error: 'a path such as "/health"' });

export const unix = probeKind({
  key: 'unix',
  schema: z
    .strictObject({ unix: socket, get: path.optional(), ...EXPECTED, ...TIMING })
    .refine(({ get, contains }) => get !== undefined || contains === undefined, {
      path: ['contains'],
      error: '"get" beside it, for there to be a body',
    }),
  words: {
    'health[].unix': {
      form: 'path of a socket below `${dir.data}`',
      about:
        'Healthy when a connection opens, or with `get` when the answer is the expected one. No link is followed.',
      example: '"${dir.data}/web.sock"',
    },
    'health[].get': {
      form: 'path of a URL',
      about: 'Asked over HTTP; no redirect is followed.',
      example: '"/health"',
    },
    ...EXPECTED_WORDS,
  },
  texts: ['unix', 'get', 'contains'],
  render: ({ unix: text, get, expect, contains }, { fill, data }) => ({
    kind: 'unix' as const,
    /** The socket's path goes on from here: whoever asks walks it name by name, as settings may have made it anything. */
    directory: data,
    names: fill(text.slice(DATA.length), 'unix').split('/'),
    get: get === undefined ? null : fill(get, 'get'),
    expect,
    contains: contains === undefined ? null : fill(contains, 'contains'),
  }),
  lint({ unix: text }, known): readonly ProbeProblem[] {
    const filled = known(text.slice(DATA.length));
    if (filled === null || filled.split('/').every(isName)) return [];
    const expected = 'a path that stays in the data of the service';
    return [{ key: 'unix', found: text, expected, remedy: 'name a socket below ${dir.data}' }];
  },
  addressOf: () => null,
});

/** Of an entry of a directory: neither the directory itself nor the one above it. */
export function isName(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !text.includes('/') && !text.includes('\0');
}
