// The fleet in one answer, for whoever asks every morning whether a person is needed.
import { z } from 'zod';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { fleetSummary } from '../../../shared/protocol/fleet-summary.ts';
import { duration } from '../../../shared/schema/common.ts';
import { summarizeFleet } from '../../db/fleet-summary.ts';
import { CHANGED_AT, INSTANCE, OLD_MILL } from '../examples.ts';
import { defineRoute, type Route } from '../route.ts';

const NOBODY = { count: 0, instances: [] };
const OF_OLD_MILL = { count: 1, instances: [{ id: OLD_MILL, name: 'Old mill clinic' }] };
const OF_HOSPITAL = { count: 1, instances: [{ id: INSTANCE, name: 'Harbour hospital' }] };

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
        ...{ at: CHANGED_AT, instances: 2, proposals: 2, isolated: OF_OLD_MILL, failing: OF_HOSPITAL },
        ...{ moved: NOBODY, silent: NOBODY, twinned: NOBODY, unhealthy: NOBODY },
        verdicts: [{ verdict: 'blocked', count: 1 }],
        blocked: [{ owner: 'admin', code: 'quarantined', ...OF_HOSPITAL }],
      },
    },
    answer: ({ db, now }, { query }) => summarizeFleet(db, durationMs(query.silent), now()),
  }),
];
