// An opening: a time at which a deployment may start.
import { z } from 'zod';
import { instant } from '../schema/common.ts';

export const opening = z.strictObject({
  opens: instant,
  /** Null: it stays open. */
  closes: instant.nullable(),
});

export type Opening = z.output<typeof opening>;
