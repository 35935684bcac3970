// Whatever publishers and agents send: no turn of the loop that serves everybody takes long.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupData } from '../../../server/backup/published.ts';
import { type Context, createContext, toConfig } from '../../../server/context.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { admitToken } from '../../../server/db/tokens.ts';
import { createApp } from '../../../server/http/app.ts';
import { createOnlineKeys } from '../../../server/repository/online-keys.ts';
import { startPublisher } from '../../../server/repository/publisher-beside.ts';
import { locationOf } from '../../support/databases.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { advisoryOf, firstPublication, publicationOf, signRole } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { watchWork } from '../../support/turns.ts';

const LONGEST_TURN_MS = 50;
const MIB = 2 ** 20;
const PUBLISHER_THREAD = 'server/publisher-thread.ts';

const NO_BACKUPS: BackupData = { backup: null };

let dir: string;
let context: Context;
let app: FastifyInstance;
let agentToken: () => Promise<string>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-turns-'));
  const settings = { dir, passphraseFile: undefined, host: '127.0.0.1', port: 0 };
  const database = await locationOf(join(dir, 'fairlead.db'));
  const config = toConfig(settings, { FAIRLEAD_SERVER_PASSPHRASE: 'a passphrase of the test' }, { database });
  await createOnlineKeys(config.layout, 'a passphrase of the test');
  context = await createContext(config, {
    ...{ now: Date.now, database: 'beside', log: pino({ level: 'silent' }) },
    openPublisher: ({ config: of, store }, onChange) =>
      startPublisher(PUBLISHER_THREAD, { ...of, ...NO_BACKUPS }, store, onChange),
  });
  app = await createApp(context);
  agentToken = await enrol();
  await admitToken(context.db, publisherToken(), Date.now());
  await publish(Buffer.from(JSON.stringify(firstPublication(context.publisher.onlineKeys))));
}, 60_000);
afterAll(async () => {
  await app.close();
  await context.publisher.stop();
  await context.db.destroy();
  await rm(dir, { recursive: true });
});

function publisherToken() {
  const expires = Date.now() + 3_600_000;
  return { text: 'flt_publisher', name: 'publisher', role: 'publisher', expires, actor: 'test' } as const;
}

async function enrol(): Promise<() => Promise<string>> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { code } = await createEnrolment(context.db, { name: 'one', actor: 'test' }, Date.now());
  const agent = { code, hostname: 'host', agentVersion: '0.1.0' };
  const key = String(publicKey.export({ format: 'jwk' }).x);
  const { instance } = await redeemEnrolment(context.db, { ...agent, publicKey: key }, Date.now());
  return () =>
    new SignJWT()
      .setProtectedHeader({ alg: 'EdDSA' })
      .setIssuer(instance)
      .setAudience('fairlead-server')
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(privateKey);
}

/** The answer, and the longest turn meanwhile. */
async function send(url: string, token: string, payload: Buffer) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const { result, longest } = await watchWork(
    () => app.inject({ method: 'POST', url, headers, payload }),
    LONGEST_TURN_MS,
  );
  return { status: result.statusCode, code: result.json().code, longest };
}

const publish = (payload: Buffer) => send('/api/v1/publications', 'flt_publisher', payload);
const repeated = (text: string, bytes: number) => Buffer.alloc(bytes, text);

describe('a publication', () => {
  it('of thousands of documents is judged and taken beside the loop', async () => {
    const documents = Array.from({ length: 1_500 }, (_, i) => advisoryOf(`FL-2026-${1000 + i}`));
    const security = signRole('security', 2, documents);
    const body = Buffer.from(JSON.stringify(publicationOf([['security', security]], documents)));

    const { status, longest } = await publish(body);

    expect(status).toBe(200);
    expect(longest).toBeLessThan(LONGEST_TURN_MS);
    expect(context.publisher.published().advisories).toHaveLength(1_500);
  }, 60_000);

  it.each([
    ['numbers', () => repeated('1,', 24 * MIB), 'json/too-large'],
    ['arrays', () => repeated('[]', 24 * MIB), 'json/too-large'],
    ['one text', () => Buffer.concat([repeated('"', 1), repeated('x', 24 * MIB)]), 'json/invalid'],
    ['targets that are none', targetsThatAreNone, 'document/invalid'],
  ])(
    'full of %s is refused beside the loop',
    async (_what, body, code) => {
      const answer = await publish(body());

      expect(answer.code).toBe(code);
      expect(answer.longest).toBeLessThan(LONGEST_TURN_MS);
    },
    60_000,
  );

  it('that was large ends its thread; the next one begins anew and knows what is published', async () => {
    await publish(repeated('x', 5 * MIB));
    const documents = [advisoryOf('FL-2026-1')];
    const body = Buffer.from(
      JSON.stringify(publicationOf([['security', signRole('security', 3, documents)]], documents)),
    );

    const [first, again] = [await publish(body), await publish(body)];

    expect([first.status, again.status]).toEqual([200, 200]);
    expect(context.publisher.published().advisories.map(({ id }) => id)).toEqual(['FL-2026-1']);
    expect(await context.publisher.resign()).toBe('fresh');
  }, 60_000);

  it('leaves no file behind, taken or refused', async () => {
    await publish(repeated('x', MIB));

    expect(await readdir(context.config.layout.uploads)).toEqual([]);
  });

  it('that says it is larger than any is refused before it is sent', async () => {
    const headers = {
      ...{ authorization: 'Bearer flt_publisher', 'content-type': 'application/json' },
      'content-length': String(129 * MIB),
    };
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/publications',
      headers,
      payload: '{}',
    });

    expect(response.json().code).toBe('request/too-large');
  });

  it('that is none is refused with the type that it must have', async () => {
    const headers = { authorization: 'Bearer flt_publisher', 'content-type': 'text/plain' };
    const response = await app.inject({ method: 'POST', url: '/api/v1/publications', headers, payload: 'x' });

    expect(response.json().code).toBe('request/invalid');
  });
});

/** Fifteen thousand of them, each with a wrong path and bytes that are not base64. */
function targetsThatAreNone(): Buffer {
  const targets = Array.from({ length: 15_000 }, (_, i) => ({ path: i, bytes: '?'.repeat(900) }));
  return Buffer.from(JSON.stringify({ metadata: [], targets, changes: [] }));
}

describe('a report of a megabyte', () => {
  const steps = Array.from({ length: 60 }, () => recordOf(1, 'committed').steps[0]);
  const record = (id: number) => ({ ...recordOf(1, 'committed'), id, steps });
  const component = reportOf(1).components[0];

  it.each([
    ['full of records', () => reportOf(1, { records: range(88).map(record) as never }), 200],
    ['full of components', () => reportOf(2, { components: Array(6_500).fill(component) }), 200],
    ['full of nothing', () => ({ ...reportOf(3), components: Array(120_000).fill({}) }), 400],
    ['of one wrong list', () => ({ ...reportOf(3), records: Array(60_000).fill({ id: 0 }) }), 400],
  ])(
    '%s is read beside the loop',
    async (_what, body, status) => {
      const payload = Buffer.from(JSON.stringify(body()));

      const answer = await send('/api/v1/reports', await agentToken(), payload);

      expect(payload.length).toBeGreaterThan(MIB / 4);
      expect(answer.status).toBe(status);
      expect(answer.longest).toBeLessThan(LONGEST_TURN_MS);
    },
    60_000,
  );

  it('costs its agent the same when it is refused: ten are too many at once', async () => {
    const payload = repeated('[', MIB);
    const token = await agentToken();

    const codes: string[] = [];
    for (let i = 0; i < 10; i++) codes.push((await send('/api/v1/reports', token, payload)).code);

    expect(codes.at(-1)).toBe('request/rate-limited');
  }, 60_000);
});

const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

it('a publisher whose passphrase is another says so, and nothing is opened', async () => {
  const passphrase = { file: undefined, environment: 'another passphrase of the test' };
  const opening = startPublisher(
    PUBLISHER_THREAD,
    { ...context.config, passphrase },
    context.store,
    () => undefined,
  );

  expect((await rejectionOf(opening)).code).toBe('vendor/wrong-passphrase');
});
