// A bucket that is sick, slow, closed, careless or lies: what a caller is told, and that nothing half done is ever there.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { S3Address } from '../../../server/core/repository-address.ts';
import { verifyStore } from '../../../server/repository/open-store.ts';
import { createS3Client } from '../../../server/repository/s3-client.ts';
import { createS3Store } from '../../../server/repository/s3-store.ts';
import type { RepositoryStore } from '../../../server/repository/store.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { type Asked, type S3Server, SECRET, startS3, type Trouble } from '../../support/s3-server.ts';

const NAME = 'repository/metadata/1.root.json';
const PACK = `repository/packs/${'a'.repeat(64)}/full.pack`;
const CONTENT = Buffer.from('{"signed":{}}');
const PATIENCE = {
  connectMs: 2_000,
  silenceMs: 400,
  wholeMs: 1_000,
  uploadMs: 5_000,
  pausesMs: [1, 1],
  restMs: 0,
};

let s3: S3Server;
let address: S3Address;
let store: RepositoryStore;
let home: string;
let opened = 0;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.close());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-trouble-'));
  address = s3.address(`trouble-${++opened}`);
  store = openPatient();
});
afterEach(async () => {
  s3.trouble = () => null;
  await store.close();
  await rm(home, { recursive: true });
});

function openPatient(changes: Partial<S3Address> = {}): RepositoryStore {
  return createS3Store(createS3Client({ ...address, ...changes }, PATIENCE));
}

/** The first so many of such requests are troubled. */
function troubleFirst(count: number, method: string, trouble: Trouble): void {
  let left = count;
  s3.trouble = (asked) => (asked.method === method && left-- > 0 ? trouble : null);
}

const BUSY: Trouble = { kind: 'refuse', status: 503, code: 'SlowDown' };
const TRANSIENT: readonly (readonly [name: string, trouble: Trouble])[] = [
  ['says that it is busy', BUSY],
  ['fails inside', { kind: 'refuse', status: 500, code: 'InternalError' }],
  [
    'writes the same name at that moment',
    { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' },
  ],
  ['breaks off before it did anything', { kind: 'break', when: 'before' }],
  ['breaks off in the middle of the answer', { kind: 'break', when: 'within' }],
  ['never answers', { kind: 'hang' }],
];

const TRICKLE = ['gives a byte now and then', { kind: 'trickle' }] as const;

describe('a bucket that for a moment', () => {
  it.each([...TRANSIENT, TRICKLE])('%s is asked again', async (_name, trouble) => {
    await store.write(NAME, CONTENT);
    troubleFirst(2, 'GET', trouble);

    expect((await store.read(NAME))?.bytes).toEqual(CONTENT);
  });

  it.each(TRANSIENT)('%s is written to again', async (_name, trouble) => {
    troubleFirst(2, 'PUT', trouble);

    expect(await store.replace(NAME, CONTENT, null)).toBe(true);

    expect((await store.read(NAME))?.bytes).toEqual(CONTENT);
  });

  it('loses its answer to a write has written, and is not taken for somebody else', async () => {
    troubleFirst(1, 'PUT', { kind: 'break', when: 'after' });

    expect(await store.replace(NAME, CONTENT, null)).toBe(true);
    expect(await store.replace(NAME, Buffer.from('other'), null)).toBe(false);
  });
});

describe('a bucket that stays so', () => {
  it.each([...TRANSIENT, TRICKLE])('%s is away, and says when to ask again', async (_name, trouble) => {
    await store.write(NAME, CONTENT);
    s3.trouble = () => trouble;

    const refusal = await rejectionOf(store.read(NAME));

    expect([refusal.code, refusal.http, refusal.exit]).toEqual(['server/repository-away', 503, 3]);
    expect(refusal.data).toMatchObject({ repository: address.place, seconds: 5 });
  });

  it('holds up nobody who asks a moment later', async () => {
    const resting = createS3Store(createS3Client(address, { ...PATIENCE, restMs: 60_000 }));
    s3.trouble = () => ({ kind: 'hang' });
    await rejectionOf(resting.read(NAME));
    const before = s3.asked.length;

    const refusals = await Promise.all(Array.from({ length: 50 }, () => rejectionOf(resting.read(NAME))));

    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['server/repository-away']));
    expect(s3.asked).toHaveLength(before);
    await resting.close();
  });
});

describe('a bucket that cannot be used', () => {
  it.each<[string, () => RepositoryStore, Trouble | null, RegExp, RegExp]>([
    [
      'that is not there',
      () => openPatient({ bucket: 'none-such' }),
      null,
      /no such bucket/,
      /create the bucket/,
    ],
    [
      'for an unknown key',
      () => openPatient({ keys: { id: 'NOBODY', secret: SECRET, session: null } }),
      null,
      /does not know the key/,
      /AWS_ACCESS_KEY_ID/,
    ],
    [
      'for a wrong secret',
      () => openPatient({ keys: { ...address.keys, secret: `${SECRET}x` } }),
      null,
      /secret key/,
      /AWS_SECRET_ACCESS_KEY/,
    ],
    [
      'by this account',
      openPatient,
      { kind: 'refuse', status: 403, code: 'AccessDenied' },
      /may not/,
      /s3:ListBucket/,
    ],
    [
      'in this region',
      openPatient,
      { kind: 'refuse', status: 400, code: 'AuthorizationHeaderMalformed' },
      /region/,
      /region=/,
    ],
    [
      'by a clock like ours',
      openPatient,
      { kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' },
      /clock/,
      /set the clock/,
    ],
    [
      'with a key that ended',
      openPatient,
      { kind: 'refuse', status: 400, code: 'ExpiredToken' },
      /has ended/,
      /AWS_/,
    ],
    [
      'for a reason nobody knows',
      openPatient,
      { kind: 'refuse', status: 418, code: 'Teapot' },
      /418, Teapot/,
      /log of the storage/,
    ],
  ])(
    '%s says so at once, and what to do, and never the secret',
    async (_name, open, trouble, problem, remedy) => {
      s3.trouble = () => trouble;
      const refused = open();
      const before = s3.asked.length;

      const refusal = await rejectionOf(refused.read(NAME));

      expect(refusal.code).toBe('server/repository-unusable');
      expect(refusal.message).toMatch(problem);
      expect(refusal.hint).toMatch(remedy);
      expect(s3.asked).toHaveLength(before + 1);
      expect(JSON.stringify([refusal, refusal.message, String(refusal.stack)])).not.toContain(
        'kanarienvogel',
      );
      await refused.close();
    },
  );

  it('because it passes over the conditions of a write is refused before anything is published', async () => {
    s3.trouble = ({ method }) => (method === 'PUT' ? { kind: 'careless' } : null);

    const refusal = await rejectionOf(verifyStore(store));

    expect([refusal.code, refusal.hint]).toEqual([
      'server/repository-unusable',
      expect.stringContaining('If-None-Match'),
    ]);
  });

  it('because it gives other bytes than it was given is refused as well', async () => {
    let reads = 0;
    s3.trouble = ({ method }) => (method === 'GET' && ++reads > 1 ? { kind: 'other-bytes' } : null);

    expect((await rejectionOf(verifyStore(store))).code).toBe('server/repository-unusable');
  });
});

describe('an upload in parts', () => {
  const isPart = ({ method, query }: Asked) => method === 'PUT' && query.has('partNumber');
  let file: string;
  let content: Buffer;
  beforeEach(async () => {
    content = randomBytes(17 * 2 ** 20);
    file = join(home, 'full.pack');
    await writeFile(file, content);
  });

  it('goes on where one part fails once', async () => {
    let parts = 0;
    s3.trouble = (asked) => (isPart(asked) && ++parts === 2 ? { kind: 'break', when: 'after' } : null);

    await store.take(PACK, file);

    const found = await store.open(PACK);
    expect(
      found?.kind === 'large' && (await buffer(await found.read(0, content.length))).equals(content),
    ).toBe(true);
  });

  it.each<[string, (asked: Asked) => Trouble | null]>([
    [
      'a part of which is never taken',
      (asked) => (isPart(asked) && asked.query.get('partNumber') === '2' ? BUSY : null),
    ],
    [
      'whose parts are not joined',
      ({ method, query }) => (method === 'POST' && query.has('uploadId') ? BUSY : null),
    ],
    [
      'that fails behind a success',
      ({ method, query }) =>
        method === 'POST' && query.has('uploadId')
          ? { kind: 'refuse', status: 200, code: 'InternalError' }
          : null,
    ],
  ])('%s leaves nothing under the name, and nothing that costs', async (_name, trouble) => {
    s3.trouble = trouble;

    const refusal = await rejectionOf(store.take(PACK, file));

    expect(refusal.code).toMatch(/^server\/repository-(?:away|unusable)$/);
    s3.trouble = () => null;
    expect(await store.open(PACK)).toBeNull();
    expect(s3.asked.some(({ method, query }) => method === 'DELETE' && query.has('uploadId'))).toBe(true);
  });

  it('whose last answer is lost is there', async () => {
    let joined = 0;
    s3.trouble = ({ method, query }) =>
      method === 'POST' && query.has('uploadId') && ++joined === 1 ? { kind: 'break', when: 'after' } : null;

    await store.take(PACK, file);

    expect((await store.open(PACK))?.kind).toBe('large');
  });
});

describe('a large file', () => {
  const content = randomBytes(2 ** 20);
  beforeEach(() => store.write(PACK, content));

  it('that breaks off on its way is never taken for whole', async () => {
    const file = await store.open(PACK);
    if (file?.kind !== 'large') throw new Error('it is large');
    s3.trouble = () => ({ kind: 'break', when: 'within' });

    await expect(file.read(0, content.length).then(buffer)).rejects.toThrow();
  });

  it('that became another meanwhile is not mixed with it', async () => {
    const file = await store.open(PACK);
    if (file?.kind !== 'large') throw new Error('it is large');
    await store.write(PACK, randomBytes(2 ** 20));

    const refusal = await file.read(0, 1_000).then(
      () => null,
      (error: unknown) => error,
    );

    expect(isFairleadError(refusal, 'server/repository-damaged')).toBe(true);
  });
});
