// Customers as people and programs see them: who they are, and which instances are theirs.
import { z } from 'zod';
import { instant, line } from '../schema/common.ts';
import { instanceId } from './report.ts';

export const customerId = z.uuid();

/** As many as one request holds. */
export const MOST_INSTANCES = 10_000;

export const customerRequest = z.strictObject({ name: line });

/** `instances` are all that are its own from then on; one of another customer is refused. */
export const customerChange = z.strictObject({
  name: line,
  instances: z.array(instanceId).max(MOST_INSTANCES),
});

export const customerModel = z.object({
  id: customerId,
  name: line,
  /** How many are its own; `GET /instances?customer=` lists them. */
  instances: z.int().min(0),
  /** What `If-Match` names. */
  revision: z.int().min(1),
  created_at: instant,
  updated_at: instant,
});
export type CustomerModel = z.output<typeof customerModel>;

export const customersList = z.object({ customers: z.array(customerModel) });
