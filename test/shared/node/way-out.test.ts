// One rule for proxies in all programs: who is asked through one, and what is said where it cannot be.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createProvider } from '../../../server/http/provider.ts';
import { withServer } from '../../../server/vendor/cli/server-client.ts';
import { createWayOut } from '../../../shared/node/way-out.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { serveHttp } from '../../support/http-server.ts';

const seen: string[] = [];
let server: string;
let proxy: string;
beforeEach(async () => {
  seen.length = 0;
  server = await serveHttp((request, response) => {
    seen.push(`server ${request.url}`);
    response.end('served');
  });
  proxy = await serveHttp((request, response) => {
    seen.push(`proxy ${request.url}`);
    response.statusCode = request.headers['proxy-authorization'] === undefined ? 407 : 200;
    response.end('passed on');
  });
});
afterEach(() => vi.unstubAllEnvs());

/** As the vendor's program asks its server. */
async function askAsVendor(environment: Readonly<Record<string, string>>): Promise<string> {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const tokenFile = join(temporaryDirectory(), 'token');
  writeFileSync(tokenFile, 'token\n');
  const config = { server, tokenFile } as Parameters<typeof withServer>[0];
  return Buffer.from((await withServer(config, (one) => one.fetchFile('/x'))) ?? []).toString();
}

const withPassword = () => proxy.replace('http://', 'http://ada:secret@');

it('leads the vendor’s program through the proxy that the environment names', async () => {
  expect(await askAsVendor({ http_proxy: withPassword() })).toBe('passed on');
  expect(seen).toEqual([`proxy ${server}/x`]);
});

it.each([
  ['a network', '10.0.0.0/8, 127.0.0.0/8'],
  ['an address', '127.0.0.1'],
  ['everything', '*'],
])('leads it past the proxy where NO_PROXY names %s', async (_, direct) => {
  expect(await askAsVendor({ http_proxy: proxy, no_proxy: direct })).toBe('served');
  expect(seen).toEqual(['server /x']);
});

it('leads a server to the provider at which people sign in through the same proxy', async () => {
  for (const name of ['HTTP_PROXY', 'NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
  vi.stubEnv('http_proxy', withPassword());

  const refusal = await rejectionOf(createProvider('http://people.test').describe(0));

  expect(refusal.code).toBe('auth/provider-unreachable');
  expect(seen).toEqual(['proxy http://people.test/.well-known/openid-configuration']);
});

it('says of a proxy that wants a password which variables name it', async () => {
  const refusal = await rejectionOf(askAsVendor({ http_proxy: proxy }));

  expect(refusal.code).toBe('vendor/server-unreachable');
  expect(refusal.message).toContain('HTTP_PROXY');
});

it('refuses a proxy that cannot be used, before anything is asked, without its password', async () => {
  const environment = { https_proxy: 'socks5://ada:secret@proxy.test' };

  expect(() => createWayOut('https://vendor.test', environment, { connectMs: 1_000 })).toThrow(
    expect.objectContaining({ code: 'transport/proxy-invalid' }),
  );
  const refusal = await rejectionOf(askAsVendor({ http_proxy: 'socks5://ada:secret@proxy.test' }));
  expect(refusal.code).toBe('transport/proxy-invalid');
  expect(refusal.message).not.toContain('secret');
});
