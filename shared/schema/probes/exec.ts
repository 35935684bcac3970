// Command probes: the release's own command says so by its exit status.
import { z } from 'zod';
import { argv } from '../common.ts';
import { COMMAND } from '../words.ts';
import { probeKind, TIMING } from './probe-kind.ts';

export const exec = probeKind({
  key: 'exec',
  schema: z.strictObject({ exec: argv, ...TIMING }),
  words: {
    'health[].exec': { form: COMMAND, about: 'Healthy when it exits with 0.', example: '["./probe"]' },
  },
  texts: ['exec'],
  isCommand: true,
  render({ exec: words }, { fill }) {
    const filled: readonly string[] = words.map((word) => fill(word, 'exec'));
    return { kind: 'exec' as const, exec: filled };
  },
  lint: () => [],
  addressOf: () => null,
});
