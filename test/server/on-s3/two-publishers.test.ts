// Two processes on one PostgreSQL that publish into one bucket: what is overtaken shows nothing.
import { onS3 } from '../../support/on-s3.ts';

await onS3([() => import('../repository/two-publishers.test.ts')]);
