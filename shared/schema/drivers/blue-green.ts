// What a release says of two versions that stand side by side while one takes over from the other.
import { z } from 'zod';
import { durationMs } from '../../encoding/instant.ts';
import { duration, name } from '../common.ts';
import type { Words } from '../words.ts';
import { volumeName } from './volumes.ts';

const LONGEST_DRAIN_MS = 86_400_000;

/**
 * `public` and `slots` name integer settings that hold ports: traffic comes in on the public one, and a version is told one of
 * the slots' in its place, in `${settings.…}` everywhere.
 */
const keys = {
  public: name,
  slots: z.tuple([name, name]),
  /** Where the public port is open: this machine alone, or all its addresses. */
  address: z.enum(['127.0.0.1', '0.0.0.0']).default('127.0.0.1'),
  /** How long connections to the version before may last once this one is committed; only then is it asked to stop. */
  drain: duration
    .refine((text) => !(durationMs(text) > LONGEST_DRAIN_MS), { error: 'a duration of at most "P1D"' })
    .default('PT30S'),
};

export const blueGreen = z.strictObject(keys);

/** Of containers: `volumes` are those of its compose file that both versions may write to at once. */
export const blueGreenOfContainers = z.strictObject({
  ...keys,
  volumes: z.array(volumeName).max(64).exactOptional(),
});

export type BlueGreen = z.output<typeof blueGreenOfContainers>;

export const BLUE_GREEN_WORDS: Words = {
  'service.blueGreen': { about: 'Two versions side by side while one takes over from the other.' },
  'service.blueGreen.public': {
    form: 'name of an integer setting',
    about: 'The port that clients use.',
    example: '"port"',
  },
  'service.blueGreen.slots': {
    form: 'two names of integer settings',
    about: 'The ports of the two versions behind it.',
    example: '["blue-port", "green-port"]',
  },
  'service.blueGreen.address': {
    about: 'Where the public port is open: on this machine alone, or on all its addresses.',
  },
  'service.blueGreen.drain': {
    form: 'duration up to `P1D`',
    about: 'How long connections to the version before may last once the new one is committed.',
    example: '"PT10M"',
  },
};
