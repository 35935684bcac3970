// Suites once more on a bucket: every directory that they name is a prefix of it, from here to the end of the file.
import { afterAll } from 'vitest';
import { startS3 } from './s3-server.ts';
import { useS3 } from './stores.ts';
import { runAgain, type Suites } from './suites-again.ts';

export async function onS3(suites: Suites): Promise<void> {
  const server = await startS3();
  useS3(server);
  afterAll(() => server.close());
  runAgain(suites);
}
