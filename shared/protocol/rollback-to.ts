// Where a rollback leads: a generation by its number, or the newest one that ran a version, written `core/auth@1.0.0`.
import { z } from 'zod';
import { componentKey, version } from '../schema/common.ts';

const componentVersion = z
  .string()
  .max(260)
  .regex(/^[^@]+@[^@]+$/, { error: 'a generation number, or a version such as "core/auth@1.0.0"' })
  .transform((text) => {
    const [component, ran] = text.split('@');
    return { component, version: ran };
  })
  .pipe(z.strictObject({ component: componentKey, version }));

export const rollbackTo = z.union([z.int().min(0), componentVersion]);
