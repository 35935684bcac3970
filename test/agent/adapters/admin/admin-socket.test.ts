// The admin API over a real unix socket: by file permission, bounded, and calm under hostile input.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createAdminClient } from '../../../../agent/adapters/admin/admin-client.ts';
import { serveAdminApi } from '../../../../agent/adapters/admin/admin-server.ts';
import { socketPathOf } from '../../../../agent/adapters/state/state-directory.ts';
import type { AdminHandler, AdminRequest } from '../../../../agent/ports/server.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { MAX_ADMIN_REQUEST_BYTES } from '../../../../shared/protocol/admin.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';

async function served(handle: AdminHandler) {
  const stateDir = temporaryDirectory();
  const path = socketPathOf(stateDir);
  const faults: unknown[] = [];
  const server = await serveAdminApi(path, handle, (error) => faults.push(error));
  onTestFinished(() => server.close());
  return { stateDir, path, faults, server, client: createAdminClient(stateDir) };
}

/** Sends bytes as they are; returns everything the server said. */
function sendRaw(path: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(path);
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    // A server that closes while we still write resets the connection: what it said before counts.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(said));
    socket.write(bytes);
  });
}

describe('the admin socket', () => {
  it('carries a request and its answer', async () => {
    const seen: AdminRequest[] = [];
    const { client } = await served(async (request) => {
      seen.push(request);
      return { fine: true };
    });

    const reply = await client.call('PUT', '/v1/thing', z.strictObject({ fine: z.boolean() }), { a: 1 });

    expect(reply).toEqual({ fine: true });
    expect(seen[0]).toMatchObject({ method: 'PUT', path: '/v1/thing' });
    expect(Buffer.from(seen[0]!.body).toString()).toBe('{"a":1}');
    expect(seen[0]!.actor).not.toBe('unnamed');
  });

  it('is for its owner and group only', async () => {
    const { path } = await served(async () => ({}));

    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  it('does not keep waiting who only asks an agent that hangs', async () => {
    const { stateDir } = await served(() => new Promise(() => undefined));
    const impatient = createAdminClient(stateDir, 50);

    const refusal = await rejectionOf(impatient.call('GET', '/v1/status', z.unknown()));

    expect(dataOf(refusal, 'agent/silent')).toMatchObject({ seconds: 0.05 });
  });

  it('lets what an agent was told to do take longer than an answer', async () => {
    const answer = Promise.withResolvers<object>();
    const { stateDir } = await served(() => answer.promise);
    const impatient = createAdminClient(stateDir, 50);

    const reply = impatient.call('POST', '/v1/thing', z.strictObject({}), {});
    setTimeout(() => answer.resolve({}), 150);

    expect(await reply).toEqual({});
  });

  it('carries a refusal with its code, hint and exit status', async () => {
    const { client } = await served(async () => {
      throw new FairleadError('change/not-found', { change: 7 });
    });

    const refusal = await rejectionOf(client.call('GET', '/v1/changes/7', z.unknown()));

    expect(dataOf(refusal, 'agent/refused')).toMatchObject({ code: 'change/not-found', exit: 2 });
  });

  it('keeps the lines of a refusal that names several problems, and nothing that a terminal would obey', async () => {
    const issue = (path: string) => ({ path, expected: 'a', found: 'b\u001b', remedy: 'use a' });
    const { client } = await served(async () => {
      throw new FairleadError('document/invalid', { document: 'it', issues: [issue('one'), issue('two')] });
    });

    const refusal = await rejectionOf(client.call('GET', '/', z.unknown()));

    const { message } = dataOf(refusal, 'agent/refused');
    expect(message.split('\n')).toHaveLength(3);
    expect(message).not.toContain('\u001b');
  });

  it('tells nobody what went wrong inside, except its log', async () => {
    const { client, faults } = await served(async () => {
      throw new TypeError('the secret is 42');
    });

    const refusal = await rejectionOf(client.call('GET', '/', z.unknown()));

    expect(dataOf(refusal, 'agent/refused').code).toBe('internal');
    expect(refusal.message).not.toContain('42');
    expect(faults).toHaveLength(1);
  });

  it('counts as no fault that somebody left in the middle of a request', async () => {
    const { path, faults, client } = await served(async () => ({}));
    const socket = connect(path);
    const head =
      'POST /v1/check HTTP/1.1\r\nHost: agent\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n';
    socket.write(head);
    // Only then is the request at work.
    await new Promise((resolve) => socket.once('data', resolve));
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
    await client.call('GET', '/v1/thing', z.strictObject({}));

    expect(faults).toEqual([]);
  });

  it('takes the place of a dead agent’s socket', async () => {
    const stateDir = temporaryDirectory();
    writeFileSync(socketPathOf(stateDir), '');

    const server = await serveAdminApi(
      socketPathOf(stateDir),
      async () => ({}),
      () => undefined,
    );
    onTestFinished(() => server.close());

    expect(await createAdminClient(stateDir).call('GET', '/', z.unknown())).toEqual({});
  });

  it('is gone when the agent has ended', async () => {
    const { server, path } = await served(async () => ({}));

    await server.close();

    expect(existsSync(path)).toBe(false);
  });

  it('refuses a body beyond its limit, announced or not', async () => {
    const { client, path } = await served(async () => ({}));
    const huge = 'x'.repeat(4 * MAX_ADMIN_REQUEST_BYTES);

    const refusal = await rejectionOf(client.call('POST', '/', z.unknown(), { huge }));
    const chunked = await sendRaw(
      path,
      `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${huge.length.toString(16)}\r\n${huge}\r\n0\r\n\r\n`,
    );

    expect(dataOf(refusal, 'agent/refused').code).toBe('json/too-large');
    expect(chunked).toContain('413');
  });

  it.each([
    ['bytes that are no HTTP', '\u0000\u0001\u0002 nonsense\r\n\r\n'],
    ['a header without an end', `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}`],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nabcde'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('answers %s with 4xx and goes on serving', async (_what, bytes) => {
    const { path, client } = await served(async () => ({ alive: true }));

    const answer = await sendRaw(path, bytes);

    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(await client.call('GET', '/', z.unknown())).toEqual({ alive: true });
  });

  it('keeps an actor’s name on one harmless line', async () => {
    const seen: string[] = [];
    const { path } = await served(async ({ actor }) => {
      seen.push(actor);
      return {};
    });

    await sendRaw(
      path,
      `GET / HTTP/1.1\r\nHost: x\r\nfairlead-actor: a\u0080\u0090${'b'.repeat(200)}\r\n\r\n`,
    );
    await sendRaw(path, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');

    expect(seen[0]).toHaveLength(64);
    expect(seen[0]).not.toMatch(/[\u0080-\u009f]/);
    expect(seen[1]).toBe('unnamed');
  });

  it('drops connections past its limit and serves again when they end', async () => {
    const { path, client } = await served(async () => ({ alive: true }));
    const idle = Array.from({ length: 40 }, () => connect(path).on('error', () => undefined));
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));

    for (const socket of idle) socket.destroy();
    await Promise.all(
      idle.map((socket) => socket.closed || new Promise((resolve) => socket.once('close', resolve))),
    );

    expect(await client.call('GET', '/', z.unknown())).toEqual({ alive: true });
  });

  it('says that a path is too long instead of failing strangely', async () => {
    const path = join(temporaryDirectory(), 'x'.repeat(120), 'agent.sock');

    expect(
      (
        await rejectionOf(
          serveAdminApi(
            path,
            async () => ({}),
            () => undefined,
          ),
        )
      ).code,
    ).toBe('agent/socket-path');
  });
});

describe('the command line without an agent', () => {
  it('says how to start one', async () => {
    const stateDir = temporaryDirectory();

    const refusal = await rejectionOf(createAdminClient(stateDir).call('GET', '/v1/status', z.unknown()));

    expect(refusal.code).toBe('agent/not-running');
    expect(refusal.hint).toContain(`fairlead agent run --state-dir ${stateDir}`);
  });
});
