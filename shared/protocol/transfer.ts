// What comes onto the disk of an install at this moment: how much of it, how fast, and for how long still.
import { z } from 'zod';
import { byteCount, line } from '../schema/common.ts';
import { fetched } from '../schema/deployment.ts';

/** A deployment and what is fetched ahead of another are rarely more than two. */
export const MOST_TRANSFERS = 20;

export const transfer = z.strictObject({
  /** `core/auth 1.0.1` */
  what: line,
  way: fetched.shape.way,
  /** That came, those of an earlier attempt included. Where it is all there, it is being unpacked. */
  bytes: byteCount,
  /** As the server says; null where it says nothing. */
  total: byteCount.nullable(),
  /** Of the last seconds; null where too little was seen. */
  bytesPerSecond: byteCount.nullable(),
  /** Milliseconds; null where nobody can say. */
  leftMs: z.int().min(0).nullable(),
  /** For so long nothing has come; 0 while something does. */
  stalledMs: z.int().min(0),
});

export const underWay = {
  /** Absent where nothing does. */
  transfers: z.array(transfer).max(MOST_TRANSFERS).optional(),
  /** Milliseconds until the deployment under way is committed, by what the last ones took; absent where nobody can say. */
  leftMs: z.int().min(0).optional(),
};

export type Transfer = z.output<typeof transfer>;
