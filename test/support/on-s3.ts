// Suites once more on a bucket: every directory that they name is a prefix of it, from here to the end of the file.
import { afterAll } from 'vitest';
import { startS3 } from './s3-server.ts';
import { useS3 } from './stores.ts';

/** `load` imports the suites. */
export async function onS3(load: () => Promise<unknown>): Promise<void> {
  const server = await startS3();
  useS3(server);
  afterAll(() => server.close());
  await load();
}
