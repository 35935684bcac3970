// How every HTTP API of ours refuses: a problem document (RFC 9457) with the code and hint of the error catalogue.
import { z } from 'zod';

const said = z.looseObject({ code: z.string(), message: z.string(), hint: z.string() });

/** Readers take what they know and pass over the rest: a newer server may say more. */
export const errorReply = z.looseObject({ error: said });

export const problem = z.looseObject({
  /** `urn:fairlead:error:` and the code. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  hint: z.string(),
  /** The same again, where programs older than the problem document look for it. */
  error: said,
});

export type Problem = z.output<typeof problem>;
