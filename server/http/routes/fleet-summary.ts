// The fleet in one answer, for whoever asks every morning whether a person is needed.
import { z } from 'zod';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { fleetSummary } from '../../../shared/protocol/fleet-summary.ts';
import { duration } from '../../../shared/schema/common.ts';
import { summarizeFleet } from '../../db/fleet-summary.ts';
import { defineRoute, type Route } from '../route.ts';

const NOBODY = { count: 0, instances: [] };
const ONE = {
  count: 1,
  instances: [{ id: '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c11', name: 'Harbour hospital' }],
};

export const SUMMARY_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/fleet',
    access: ['viewer'],
    tag: 'fleet',
    summary:
      'Who is silent (for `silent`, a day unless given), who fails, who is blocked by whom and why: counts, and the first of each by name',
    query: z.strictObject({ silent: duration.default('P1D') }),
    reply: fleetSummary,
    example: {
      query: { silent: 'P1D' },
      reply: {
        ...{ at: '2026-11-20T12:00:00Z', instances: 12, proposals: 1 },
        ...{
          isolated: NOBODY,
          moved: NOBODY,
          silent: ONE,
          twinned: NOBODY,
          unhealthy: NOBODY,
          failing: NOBODY,
        },
        verdicts: [{ verdict: 'current', count: 11 }],
        blocked: [{ owner: 'admin', code: 'channel-frozen', ...ONE }],
      },
    },
    answer: ({ db, now }, { query }) => summarizeFleet(db, durationMs(query.silent), now()),
  }),
];
