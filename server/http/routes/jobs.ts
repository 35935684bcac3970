// What the server does by itself, to look at: one that fails for ever must be seen by somebody.
import { z } from 'zod';
import { jobsList } from '../../../shared/protocol/jobs.ts';
import { listJobs } from '../../db/job-lists.ts';
import { CHANGED_AT } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

export const JOB_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/jobs',
    access: ['operator'],
    tag: 'operations',
    summary: 'What the server does by itself: what waits, what runs and on which process, what fails and why',
    query: z.strictObject(pageOf(z.tuple([z.string()]))),
    reply: jobsList,
    example: {
      reply: {
        jobs: [
          {
            ...{ id: 'resign', kind: 'resign', subject: '', state: 'waiting', attempts: 0 },
            ...{ due_at: CHANGED_AT, last_error: null, given_up_at: null, running_on: null },
          },
        ],
      },
    },
    answer: async ({ db, now }, { query, continueAt }) => {
      const { entries, next } = await listJobs(db, pageIn(query), now());
      continueAt(formatCursor(next));
      return { jobs: [...entries] };
    },
  }),
];
