// Which part of a list is asked for.
import { z } from 'zod';

/** Fields of a list's query. Where the newest come first, what arrives meanwhile repeats entries and hides none. */
export const page = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  offset: z.coerce.number().int().min(0).default(0),
};
