// Where addresses lie: what a redirect from outside may never lead to.
import { describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../../../agent/adapters/server/ask.ts';
import { createDispatchers, isReachableFrom } from '../../../agent/adapters/server/dispatchers.ts';
import { neighbourhoodOf, neighbourhoodsOf } from '../../../shared/node/addresses.ts';
import { serveHttp } from '../../support/http-server.ts';

it.each([
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['0.0.0.0', 'loopback'],
  ['::1', 'loopback'],
  ['::', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['169.254.169.254', 'link-local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['10.1.2.3', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['224.0.0.1', 'private'],
  ['255.255.255.255', 'private'],
  ['fd12::1', 'private'],
  ['64:ff9b::a00:1', 'private'],
  ['2002:a00:1::', 'private'],
  ['9.255.255.255', 'public'],
  ['172.32.0.1', 'public'],
  ['172.15.255.255', 'public'],
  ['100.128.0.1', 'public'],
  ['223.255.255.255', 'public'],
  ['::ffff:8.8.8.8', 'public'],
  ['2606:4700::1', 'public'],
] as const)('%s is %s', (address, neighbourhood) => {
  expect(neighbourhoodOf(address)).toBe(neighbourhood);
});

describe('what a server may send an agent to', () => {
  it.each([
    ['a public server to a public one', 'http://8.8.8.8', 'http://9.9.9.9', true],
    ['a public server to loopback', 'http://8.8.8.8', 'http://127.0.0.1', false],
    ['a public server to the metadata of a cloud', 'http://8.8.8.8', 'http://169.254.169.254', false],
    ['a public server to the network at home', 'http://8.8.8.8', 'http://192.168.1.1', false],
    ['a server at home to its neighbour', 'http://192.168.1.5', 'http://10.0.0.1', true],
    ['a server at home to loopback', 'http://192.168.1.5', 'http://[::1]', false],
    ['a server on this machine to this machine', 'http://127.0.0.1', 'http://[::ffff:127.0.0.1]:8080', true],
    [
      'any server to a name, which is judged when it is looked up',
      'http://8.8.8.8',
      'http://example.test',
      true,
    ],
  ])('%s: %s to %s, %s', async (_name, server, target, allowed) => {
    expect(await isReachableFrom(new URL(server), new URL(target))).toBe(allowed);
  });

  it('is judged again when a name is connected to, whatever it resolved to before', async () => {
    const url = new URL(
      (await serveHttp((_request, response) => response.end('secret'))).replace('127.0.0.1', 'localhost'),
    );
    const dispatchers = createDispatchers();
    onTestFinished(() => dispatchers.close());
    const said = async (server: string) => {
      const line = await dispatchers.guarded(new URL(server), url);
      const { signal } = new AbortController();
      try {
        const { body } = await ask(line, {
          origin: url.origin,
          path: '/',
          method: 'GET',
          headers: {},
          signal,
        });
        let text = '';
        for await (const piece of body) text += Buffer.from(piece).toString();
        return text;
      } catch (error) {
        return (error as Error).message;
      }
    };

    expect(await said('http://8.8.8.8')).toContain('inside this network');
    expect(await said('http://127.0.0.1')).toBe('secret');
  });

  it('is known of names by all their addresses', async () => {
    expect(await neighbourhoodsOf('localhost')).toEqual(new Set(['loopback']));
  });
});
