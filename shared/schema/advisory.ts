// Security advisories: which versions are affected, which are fixed, and whether the fix is forced.
import { z } from 'zod';
import { durationMs } from '../encoding/instant.ts';
import { componentKey, duration, instant, line, prose, range, version } from './common.ts';

export const advisoryId = z.string().regex(/^[A-Z][A-Z0-9]{1,9}(?:-[A-Za-z0-9]{1,20}){1,4}$/, {
  error: 'an advisory id such as "FL-2026-0003"',
});
export const cveId = z.string().regex(/^CVE-\d{4}-\d{4,}$/, { error: 'a CVE id such as "CVE-2021-21297"' });

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;

const LONGEST_NOTICE_MS = 30 * 86_400_000;

const emergencyOrder = z.strictObject({
  /** How long a local window may still be waited for: at most 30 days, or the order would order nothing. */
  notice: duration
    .refine((text) => !(durationMs(text) > LONGEST_NOTICE_MS), { error: 'a duration of at most "P30D"' })
    .default('PT0S'),
  /** From here on windows no longer count. */
  deadline: instant,
});

export const advisory = z
  .strictObject({
    schema: z.literal('fairlead/advisory@1'),
    id: advisoryId,
    title: line,
    severity: z.enum(SEVERITIES),
    cves: z.array(cveId).max(50),
    affected: z
      .array(z.strictObject({ component: componentKey, versions: range }))
      .min(1)
      .max(200),
    fixed: z.array(z.strictObject({ component: componentKey, version })).max(200),
    /** Present exactly on critical advisories. */
    order: emergencyOrder.optional(),
    published: instant,
    /** A withdrawn advisory forces nothing any more. */
    withdrawn: z.boolean().default(false),
    notes: prose.optional(),
  })
  .refine((a) => (a.severity === 'critical') === (a.order !== undefined), {
    path: ['order'],
    error: 'an order on every critical advisory, and on no other',
  });

export type Advisory = z.output<typeof advisory>;
export type Severity = Advisory['severity'];
