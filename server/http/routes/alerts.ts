// Alerts, to look at: what somebody should hear of, whether anybody was told or not.
import { z } from 'zod';
import { alertsList } from '../../../shared/protocol/alerts.ts';
import { listAlerts } from '../../db/alerts.ts';
import { ALERT } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

export const ALERT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/alerts',
    access: ['viewer'],
    tag: 'fleet',
    summary: 'Alerts, those that went on last first; many events about one thing are one, with a count',
    query: z.strictObject(pageOf(z.tuple([z.string(), z.string()]))),
    reply: alertsList,
    example: { reply: { alerts: [ALERT] } },
    answer: async ({ db }, { query, continueAt }) => {
      const { entries, next } = await listAlerts(db, pageIn(query));
      continueAt(formatCursor(next));
      return { alerts: [...entries] };
    },
  }),
];
