// TCP probes: somebody listens there.
import { z } from 'zod';
import { addressProblems, splitAddress } from './addresses.ts';
import { type ProbeProblem, probeKind, TIMING } from './probe-kind.ts';

const FORM = 'an address such as "127.0.0.1:8080" or "[::1]:8080"';

export const tcp = probeKind({
  key: 'tcp',
  schema: z.strictObject({ tcp: z.string().min(3).max(300), ...TIMING }),
  words: {
    'health[].tcp': {
      form: '`host:port`',
      about: 'Healthy when a connection opens.',
      example: '"127.0.0.1:5432"',
    },
  },
  texts: ['tcp'],
  render: ({ tcp: address }, { fill }) => ({ kind: 'tcp' as const, ...splitAddress(fill(address, 'tcp')) }),
  lint({ tcp: text }, known): readonly ProbeProblem[] {
    const filled = known(text);
    if (filled === null) return [];
    const [, host, port] = /^(\[[0-9a-f:.]+\]|[^\s:[\]/@]+):([^:]*)$/i.exec(filled) ?? [];
    if (host === undefined || port === undefined) {
      const remedy = 'write host, colon and port; an IPv6 address in brackets';
      return [{ key: 'tcp', found: filled, expected: FORM, remedy }];
    }
    return addressProblems('tcp', filled, host.toLowerCase(), port);
  },
  addressOf: ({ host, port }) => ({ host, port }),
});
