// What a deployment would take: bytes that still have to come, and the time of each of its parts, in whole milliseconds.
import { z } from 'zod';
import { byteCount } from './common.ts';

const ms = z.int().min(0);

export const forecast = z.strictObject({
  /** That still have to come; 0 where all is on the disk. */
  bytes: byteCount,
  /** Of some of it nobody has said yet how it comes: it is no more than this. */
  atMost: z.literal(true).optional(),
  /** From registries, of which nobody has said yet how much is to come: they are not in `bytes`. */
  unknownImages: z.int().min(1).optional(),
  /** Fetching and unpacking what is no image from a registry; null where no rate has been measured here. */
  fetchMs: ms.nullable(),
  /** Images from registries, absent where none come; null where no rate has been measured here, or nobody says how much comes. */
  imagesMs: ms.nullable().optional(),
  /** Hashing, hooks and all else that comes before the first stop; with images in deployments that did not measure them apart. */
  prepareMs: ms,
  /** From the first stop until everything is healthy. */
  interruptionMs: ms,
  /** Watched until it counts as committed. */
  soakMs: ms,
  /** All of that, as far as it is known. */
  totalMs: ms,
  /** Deployments that it was measured on; 0 where it is what the releases declare, and no more. */
  runs: z.int().min(0),
});

export type Forecast = z.output<typeof forecast>;
