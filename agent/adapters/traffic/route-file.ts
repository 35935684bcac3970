// The route on disk: what the agent writes and the switch reads at every connection.
import { z } from 'zod';

export const routeFile = z.strictObject({
  slot: z.enum(['blue', 'green']),
  address: z.string(),
  publicPort: z.int(),
  port: z.int(),
});
