// Both kinds of store, held to one contract; the bucket is one of somebody else's S3 implementation.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createDirectoryStore } from '../../../server/repository/directory-store.ts';
import { openStore } from '../../../server/repository/open-store.ts';
import { type S3Server, startS3 } from '../../support/s3-server.ts';
import { describeStore } from '../../support/store-contract.ts';

let s3: S3Server;
let home: string;
let opened = 0;

beforeAll(async () => {
  s3 = await startS3();
  home = await mkdtemp(join(tmpdir(), 'fairlead-stores-'));
});
afterAll(async () => {
  await s3.close();
  await rm(home, { recursive: true });
});

describeStore('a directory', async () => {
  const dir = join(home, String(++opened));
  return { store: createDirectoryStore(dir), other: createDirectoryStore(dir) };
});

describeStore('a bucket', async () => {
  const address = s3.address(`test-${++opened}`);
  return { store: openStore(address), other: openStore(address) };
});
