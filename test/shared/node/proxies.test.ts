// The proxies that the environment names, and the slips in it.
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../agent/adapters/server/http-client.ts';
import { describeProxy, proxyOf, readProxies, verifyProxy } from '../../../shared/node/proxies.ts';
import { codeOf, dataOf, refusalOf, rejectionOf } from '../../support/error-code.ts';

const HTTP = 'http://vendor.test/';
const HTTPS = 'https://vendor.test/';

describe('proxies', () => {
  it.each([
    ['none', {}, '', ''],
    ['one with its scheme', { HTTPS_PROXY: 'http://proxy.test:3128' }, '', 'http://proxy.test:3128/'],
    [
      'host and port alone, as curl takes them',
      { https_proxy: 'proxy.test:3128' },
      '',
      'http://proxy.test:3128/',
    ],
    ['an address of IPv6', { http_proxy: '[fd00::1]:3128' }, 'http://[fd00::1]:3128/', ''],
    [
      'lower case before upper',
      { http_proxy: 'http://a.test', HTTP_PROXY: 'http://b.test' },
      'http://a.test/',
      '',
    ],
    ['an empty value', { HTTP_PROXY: '' }, '', ''],
  ])('reads %s', (_what, environment, http, https) => {
    expect(readProxies(environment)).toMatchObject({ httpProxy: http, httpsProxy: https, slips: [] });
  });

  it.each([
    ['another kind', 'socks5://proxy.test:1080'],
    ['no address', 'http://'],
    ['a port that is none', 'proxy.test:port'],
    ['blanks', 'my proxy'],
    ['a control character', 'http://proxy.test\u0000:3128'],
  ])('names the variable of %s, and leaves the other way open', (_what, value) => {
    const proxies = readProxies({ HTTPS_PROXY: value });

    const refusal = refusalOf(() => verifyProxy(proxies, HTTPS));
    expect(dataOf(refusal, 'transport/proxy-invalid').variable).toBe('HTTPS_PROXY');
    expect(() => verifyProxy(proxies, HTTP)).not.toThrow();
  });

  it.each([
    ['vendor.test', 'vendor.test', true],
    ['vendor.test', 'eu.vendor.test', true],
    ['.vendor.test', 'vendor.test', true],
    ['*.vendor.test', 'eu.vendor.test', true],
    ['vendor.test', 'othervendor.test', false],
    ['other.test, VENDOR.test', 'vendor.test', true],
    ['a.test vendor.test', 'vendor.test', true],
    ['vendor.test:443', 'vendor.test', true],
    ['vendor.test:8443', 'vendor.test', false],
    ['vendor.test:8443', 'vendor.test:8443', true],
    ['*', 'vendor.test', true],
    ['', 'vendor.test', false],
    [',', 'vendor.test', false],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.0.0.0/8', '10.example.test', false],
    ['10.0.0.0/33', '10.1.2.3', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3:443', '10.1.2.3', true],
    ['fd00::/8', '[fd12::1]', true],
    ['fd00::/8', '[fe80::1]', false],
    ['fd12::1', '[fd12::1]', true],
    ['[fd12::1]:8443', '[fd12::1]:8443', true],
    ['[fd12::1]', '[fd12::1]', true],
    ['2.3', '10.1.2.3', false],
    ['FD12:0:0:0:0:0:0:1', '[fd12::1]', true],
    ['[fd12:0::1]:8443', '[fd12::1]:8443', true],
    ['10.0.0.0/8', '[::ffff:10.1.2.3]', true],
    ['vendor.test.', 'eu.vendor.test', true],
    ['vendor.test', 'vendor.test.', true],
    ['bücher.test', 'xn--bcher-kva.test', true],
    ['*.*', 'vendor.test', false],
    ['http://vendor.test', 'vendor.test', false],
    ['fd00::/129', '[fd12::1]', false],
    ['::/0', '[fd12::1]', true],
    ['0.0.0.0/0', 'vendor.test', false],
  ])('with %j asked for %s directly: %s', (noProxy, host, isDirect) => {
    const proxies = readProxies({ https_proxy: 'http://proxy.test:3128', no_proxy: noProxy });

    expect(proxyOf(proxies, `https://${host}/`)).toBe(isDirect ? null : 'http://proxy.test:3128/');
  });

  it('shows nobody the password', () => {
    const proxies = readProxies({ HTTP_PROXY: 'http://user:secret@proxy.test:3128', NO_PROXY: 'local.test' });

    expect(describeProxy(proxies, HTTP)).toBe('http://proxy.test:3128');
    expect(describeProxy(readProxies({}), HTTP)).toBeNull();
    const slip = readProxies({ HTTP_PROXY: 'socks5://user:secret@proxy.test' });
    expect(refusalOf(() => verifyProxy(slip, HTTP)).message).not.toContain('secret');
    expect(codeOf(() => verifyProxy(slip, HTTP))).toBe('transport/proxy-invalid');
  });

  it('is an error of the request, not the end of the program', async () => {
    const before = process.env.https_proxy;
    process.env.https_proxy = 'socks5://proxy.test';
    const http = createHttpClient();
    if (before === undefined) delete process.env.https_proxy;
    else process.env.https_proxy = before;

    expect((await rejectionOf(http.get(HTTPS, { maxBytes: 10 }))).code).toBe('transport/proxy-invalid');
    await http.close();
  });
});
