// A server's repository as a stranger may answer for it: what nobody reads is let go at once, and nothing keeps who is done.

import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createOrigin, type Origin } from '../../../server/repository/origin.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { serveHttp } from '../../support/http-server.ts';

/** An answer that never ends; `letGo` once nobody takes more of it. */
async function dripping(status: number, headers: Readonly<Record<string, string>> = {}) {
  const { promise: letGo, resolve } = Promise.withResolvers<void>();
  const { promise: asked, resolve: hear } = Promise.withResolvers<void>();
  const url = await serveHttp((_, response: ServerResponse) => {
    response.writeHead(status, headers);
    response.write('FLPACK');
    const drops = setInterval(() => response.write('.'), 20);
    response.on('close', () => {
      clearInterval(drops);
      resolve();
    });
    hear();
  });
  return { url, letGo, asked };
}

const originOf = (url: string, token?: string): Origin => {
  const origin = createOrigin(url, {}, token === undefined ? undefined : async () => token);
  onTestFinished(() => origin.close());
  return origin;
};

/** A file of which three bytes are there. */
const begun = () => {
  const file = join(temporaryDirectory(), 'pack');
  writeFileSync(file, 'abc');
  return file;
};

it.each<[string, number, (origin: Origin) => Promise<unknown>]>([
  ['a pack that is not there', 404, (origin) => origin.download('pack', begun(), 1e6)],
  ['a pack that goes on no further', 416, (origin) => origin.download('pack', begun(), 1e6)],
  ['a pack that is elsewhere', 302, (origin) => origin.download('pack', begun(), 1e6)],
  [
    'a pack for which the disk has no place',
    200,
    (origin) => origin.download('pack', '/proc/none/pack', 1e6),
  ],
  ['a pack that is too large', 200, (origin) => origin.download('pack', begun(), 10)],
  ['a document that is not there', 404, (origin) => origin.read('document', 1e6)],
  ['a document that is refused', 500, (origin) => origin.read('document', 1e6)],
  ['a document that is too large', 200, (origin) => origin.read('document', 10)],
])('lets an endless answer about %s go at once', async (_, status, ask) => {
  const { url, letGo } = await dripping(status);

  await ask(originOf(url)).catch(() => undefined);

  await letGo;
});

it('lets an endless answer go that sends whoever was let in to where nobody is sent', async () => {
  const { url, letGo } = await dripping(302, { location: 'http://169.254.169.254/pack' });

  const refusal = await rejectionOf(originOf(url, 'Bearer x').download('pack', begun(), 1e6));

  expect(refusal.code).toBe('transport/refused');
  await letGo;
});

it('does not wait for what is still asked for when it is closed', async () => {
  const { url, asked } = await dripping(200);
  const origin = createOrigin(url, {});
  const refusal = rejectionOf(origin.read('document', 2 ** 30));
  await asked;

  await origin.close();

  expect((await refusal).code).toBe('transport/unreachable');
});

it('gives a pack up after the time that it may take, and keeps what came', async () => {
  const { url } = await dripping(200);
  const file = begun();

  const refusal = await rejectionOf(originOf(url).download('pack', file, 2 ** 30, { withinMs: 200 }));

  expect(refusal).toMatchObject({ code: 'transport/unreachable', data: { problem: 'it takes too long' } });
  expect(readFileSync(file, 'utf8')).toMatch(/^FLPACK/);
});
