// The agent itself as a capability: a tree whose one program takes the place of the agent that deploys it.
import { z } from 'zod';
import { duration } from '../common.ts';
import { driverKind, noBlueGreen } from './driver-kind.ts';

/** A plain path within the tree: nothing in it is filled, for what runs as root is chosen by nobody's settings. */
const program = z
  .string()
  .max(200)
  .regex(/^\.\/(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$/, {
    error: 'a program of the tree such as "./fairlead"',
  });

export const agentDriver = driverKind({
  name: 'agent',
  schema: z.strictObject({
    driver: z.literal('agent'),
    exec: z.tuple([program]),
    /** It has the environment of the agent's own unit. */
    env: z.strictObject({}).default({}),
    stopTimeout: duration.default('PT30S'),
    blueGreen: noBlueGreen,
  }),
  words: {},
  commands: ['exec'],
  render: ({ exec: [own] }) => ({ kind: 'agent' as const, exec: [own] as readonly [string] }),
  trial: () => ({
    kind: 'impossible',
    problem: 'an agent is proved by an agent that updates to it',
    remedy: 'deploy it to a test install, and leave out --smoke here',
  }),
});
