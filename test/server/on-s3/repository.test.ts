// Publishing, packs and somebody else's TUF client, with the repository in a bucket.
import { onS3 } from '../../support/on-s3.ts';

await onS3([
  () => import('../repository/prune.test.ts'),
  () => import('../repository/publisher.test.ts'),
  () => import('../repository/tuf-client.test.ts'),
  () => import('../http/packs.test.ts'),
]);
