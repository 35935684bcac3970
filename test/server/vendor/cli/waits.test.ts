// A server that is busy: waited for as long as it says where that harms nobody, and told at once where it may.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitBefore } from '../../../../server/vendor/cli/replies.ts';
import { createBench, type Vendor } from '../../../support/vendor.ts';

const READ = { method: 'GET', hasKey: false, isStream: false };
const BUSY = { status: 503, retryAfter: '5' };

it.each([
  ['a read', READ, BUSY, 0, 5],
  ['a look', { ...READ, method: 'HEAD' }, BUSY, 2, 5],
  ['one of too many', READ, { ...BUSY, status: 429 }, 0, 5],
  ['a write with a key', { ...READ, method: 'POST', hasKey: true }, BUSY, 0, 5],
  ['a write without one', { ...READ, method: 'DELETE' }, BUSY, 0, null],
  ['a file that is sent', { ...READ, method: 'PUT', isStream: true }, BUSY, 0, null],
  ['a file that is sent with a key', { method: 'POST', hasKey: true, isStream: true }, BUSY, 0, null],
  ['what failed', READ, { ...BUSY, status: 500 }, 0, null],
  ['what says nothing of a time', READ, { status: 503, retryAfter: undefined }, 0, null],
  ['what names a day', READ, { status: 503, retryAfter: 'Sat, 28 Nov 2026 19:00:00 GMT' }, 0, null],
  ['what asks for hours', READ, { status: 503, retryAfter: '7200' }, 0, null],
  ['what was waited for often', READ, BUSY, 3, null],
])('of %s', (_what, asked, answer, waits, seconds) => {
  expect(waitBefore(asked, answer, waits)).toBe(seconds);
});

describe('the vendor’s program before a busy server', () => {
  let dir: string;
  let server: Server;
  let vendor: Vendor;
  let heard: IncomingMessage[];
  let refusals: number;

  beforeEach(async () => {
    heard = [];
    dir = await mkdtemp(join(tmpdir(), 'fairlead-waits-'));
    await writeFile(join(dir, 'token'), 'flt_1\n');
    server = createServer((request, response) => {
      heard.push(request.resume());
      const isBusy = heard.length <= refusals;
      response.writeHead(isBusy ? 429 : 200, { 'content-type': 'application/json', 'retry-after': '0' });
      const made = { id: '0f0e0d0c-0b0a-4908-8706-050403020100', name: 'Harbour', instances: 0, revision: 1 };
      const at = '2026-11-28T12:00:00Z';
      response.end(JSON.stringify({ customers: [], ...made, created_at: at, updated_at: at }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vendor = createBench(dir, {} as never);
  });
  afterEach(async () => {
    server.close();
    await rm(dir, { recursive: true });
  });

  const run = (...argv: readonly string[]) => {
    const { port } = server.address() as AddressInfo;
    return vendor.run(...argv, '--server', `http://127.0.0.1:${port}`, '--token-file', join(dir, 'token'));
  };

  it('asks again, and says that it does', async () => {
    refusals = 2;

    const { status, out, err } = await run('customers');

    expect([status, out]).toEqual([0, 'customers: none\n']);
    expect(err).toBe('the server is busy; asking again in 0 seconds\n'.repeat(2));
  });

  it('writes again under the same key', async () => {
    refusals = 1;

    expect((await run('customers', 'create', 'Harbour')).status).toBe(0);

    const keys = heard.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([expect.any(String), keys[0]]);
  });

  it('gives up after a few times, and at once where a second time may harm', async () => {
    refusals = 99;

    expect((await run('customers', '--json')).status).not.toBe(0);
    expect(heard).toHaveLength(4);
    const id = 'a3c1f0de-52c7-4a55-8d34-0f6f3f1b8c44';
    expect((await run('tokens', 'revoke', id)).status).not.toBe(0);
    expect(heard).toHaveLength(5);
  });
});
