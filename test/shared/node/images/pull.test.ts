// Images out of a registry: a real one with a login, and others that lie, break off, drip, lead elsewhere.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { fetchImage, findImageIn, isUnfit } from '../../../../shared/node/images/pull.ts';
import { createRegistry, type Login, urlOfRegistry } from '../../../../shared/node/images/registry.ts';
import { readDockerLogin } from '../../../../shared/node/images/registry-login.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import { foundCompany } from '../../../support/certificates.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { until } from '../../../support/driver-contract.ts';
import { described, imageOf, json, manifestOf } from '../../../support/image-forms.ts';
import {
  PASSWORD,
  type RegistryServer,
  registryMissing,
  startRegistry,
  USER,
} from '../../../support/registry.ts';

const IMAGE = imageOf(['the base', 'a layer', 'the base']);
const ARM = imageOf(['for another machine'], { architecture: 'arm64' });
const LOGIN = { user: USER, password: PASSWORD };
const BLOBS = [IMAGE.config, ...IMAGE.layers.slice(1)].map((bytes) => hexOf(digestOf(bytes))).toSorted();

/** Pulls it, and answers with what the layout holds. */
async function pull(
  host: string,
  reference: string,
  login: Login | null,
  given = temporaryDirectory(),
  platform = 'linux/amd64',
  signal?: AbortSignal,
) {
  const registry = createRegistry({ url: urlOfRegistry(host), login }, {}, signal);
  const places = { layout: join(given, 'images'), parts: join(given, 'parts') };
  try {
    const spec = { host, repository: 'shop/auth', reference, platforms: [platform] };
    const image = await findImageIn(registry, spec);
    await fetchImage(registry, spec, image, places);
    return {
      config: image.config,
      top: image.top,
      blobs: readdirSync(join(places.layout, 'blobs/sha256')).toSorted(),
      parts: readdirSync(places.parts),
    };
  } finally {
    await registry.close();
  }
}

describe.skipIf(registryMissing !== null)(
  `a real registry${registryMissing === null ? '' : `: ${registryMissing}`}`,
  () => {
    let server: RegistryServer;
    let manifest: string;
    let index: string;
    beforeAll(async () => {
      server = await startRegistry();
      manifest = await server.push('shop/auth', '1.0', IMAGE);
      index = await server.pushIndex('shop/auth', '2.0', { 'linux/amd64': IMAGE, 'linux/arm64': ARM });
    });
    afterAll(() => server.stop());

    it('gives an image by its tag and by its digest, every layer unpacked', async () => {
      const expected = { config: digestOf(IMAGE.config), top: manifest, blobs: BLOBS, parts: [] };

      expect(await pull(server.host, '1.0', LOGIN)).toEqual(expected);
      expect(await pull(server.host, manifest, LOGIN)).toEqual(expected);
    });

    it('gives the one for the platform out of an index', async () => {
      expect(await pull(server.host, index, LOGIN)).toMatchObject({
        top: index,
        config: digestOf(IMAGE.config),
      });
      expect(await pull(server.host, '2.0', LOGIN, undefined, 'linux/arm64')).toMatchObject({
        top: index,
        config: digestOf(ARM.config),
      });
      await expect(pull(server.host, '2.0', LOGIN, undefined, 'linux/s390x')).rejects.toThrow('linux/s390x');
    });

    it.each<[string, Login | null, RegExp]>([
      ['without a login', null, /asks for a login/],
      ['with a wrong password', { ...LOGIN, password: 'wrong' }, /does not know the login/],
    ])('gives nothing %s', async (_, login, problem) => {
      await expect(pull(server.host, '1.0', login)).rejects.toThrow(problem);
    });

    it('is named where it has no such image', async () => {
      await expect(pull(server.host, '9.9', LOGIN)).rejects.toThrow(/no such image/);
    });

    it('takes the login that docker has kept, in its configuration or with a helper', async () => {
      const directory = temporaryDirectory();
      const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
      const keep = (config: object) => writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
      const read = (host: string) =>
        readDockerLogin(host, {
          DOCKER_CONFIG: directory,
          PATH: `${directory}:/usr/bin:/bin`,
          FAIRLEAD_PASSPHRASE: 'p',
        });
      const helper = `#!/bin/sh\n[ "$(cat)" = ${server.host} ] || exit 1\n[ -z "$FAIRLEAD_PASSPHRASE" ] || exit 2\n`;
      const answer = JSON.stringify({ Username: USER, Secret: PASSWORD });
      writeFileSync(join(directory, 'docker-credential-kept'), `${helper}echo '${answer}'\n`, {
        mode: 0o755,
      });

      keep({ auths: { [server.host]: { auth } } });
      expect([await read(server.host), await read('elsewhere.example.com')]).toEqual([LOGIN, null]);
      keep({ auths: { [server.host]: {} }, credsStore: 'kept' });
      expect([await read(server.host), await read('elsewhere.example.com')]).toEqual([LOGIN, null]);
      keep({ credHelpers: { [server.host]: 'missing' } });
      await expect(read(server.host)).rejects.toThrow('docker-credential-missing');
      keep({ credHelpers: { [server.host]: '../kept' } });
      await expect(read(server.host)).rejects.toThrow('no credential helper');
      for (const rubbish of ['echo rubbish', 'exit 2']) {
        writeFileSync(join(directory, 'docker-credential-kept'), `#!/bin/sh\n${rubbish}\n`);
        keep({ credsStore: 'kept' });
        await expect(read(server.host), rubbish).rejects.toThrow('tells no login');
      }
      writeFileSync(join(directory, 'config.json'), 'rubbish');
      await expect(read(server.host)).rejects.toThrow('no configuration of docker');
    });
  },
);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const LAYERS = IMAGE.layers.map((bytes) => gzipSync(bytes));
const MANIFEST = json(manifestOf(IMAGE.config, LAYERS));

/** One that answers as it should but for what `answers` has, by the end of the path. */
async function startFake(answers: Readonly<Record<string, Answer>> = {}) {
  const asked: { url: string; authorization: string | undefined; range: string | undefined }[] = [];
  const held = new Map(
    [MANIFEST, IMAGE.config, ...LAYERS].map((bytes) => [digestOf(bytes) as string, bytes]),
  );
  const server = createServer((request, response) => {
    const { url = '', headers } = request;
    asked.push({ url, authorization: headers.authorization, range: headers.range });
    const own = Object.entries(answers).find(([end]) => url.split('?')[0]?.endsWith(end));
    if (own !== undefined) return own[1](request, response);
    const bytes =
      held.get(url.slice(url.lastIndexOf('/') + 1)) ?? (url.endsWith('/1.0') ? MANIFEST : undefined);
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    if (from > 0)
      response.setHeader('content-range', `bytes ${from}-${(bytes?.length ?? 1) - 1}/${bytes?.length}`);
    response.writeHead(bytes === undefined ? 404 : from > 0 ? 206 : 200).end(bytes?.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const layer = (at: number) => digestOf(LAYERS[at] ?? Buffer.alloc(0));

describe('an image for other machines', () => {
  const arm = json(
    manifestOf(
      ARM.config,
      ARM.layers.map((bytes) => gzipSync(bytes)),
    ),
  );
  const lying = json({
    schemaVersion: 2,
    manifests: [{ ...described(arm), platform: { os: 'linux', architecture: 'amd64' } }],
  });

  it.each([
    ['is named by its own manifest', arm],
    ['is another than its index says', lying],
  ])('is refused before its layers are fetched, where it %s', async (_, top) => {
    const give =
      (bytes: Buffer): Answer =>
      (_request, to) =>
        to.end(bytes);
    const { host, asked } = await startFake(
      Object.fromEntries([top, arm, ARM.config].map((bytes) => [digestOf(bytes), give(bytes)])),
    );

    const refused = pull(host, digestOf(top), null);

    await expect(refused).rejects.toThrow('it is for linux/arm64, and not for linux/amd64');
    await expect(refused).rejects.toSatisfy(isUnfit);
    expect(asked.map(({ url }) => url.split('/').at(-1))).not.toContain(
      digestOf(gzipSync(ARM.layers[0] ?? '')),
    );
  });
});

/** So much of the second layer is on the disk. */
const untilPart = (directory: string, bytes: number) =>
  until(async () => {
    const part = statSync(join(directory, 'parts', hexOf(layer(1))), { throwIfNoEntry: false });
    return (part?.size ?? 0) >= bytes;
  });

describe('a registry that', () => {
  it.each<[string, string, Answer, RegExp]>([
    [
      'gives another manifest than it was asked for',
      digestOf(MANIFEST),
      (_, to) => to.end(json({})),
      /something else/,
    ],
    ['gives another configuration', digestOf(IMAGE.config), (_, to) => to.end('{}'), /something else/],
    [
      'gives other bytes of a layer',
      layer(1),
      (_, to) => to.end(Buffer.alloc(LAYERS[1]?.length ?? 0)),
      /something else/,
    ],
    [
      'gives more than there is of a layer',
      layer(1),
      (_, to) => to.end(Buffer.alloc(99_999)),
      /something else/,
    ],
    ['gives a manifest without an end', digestOf(MANIFEST), (_, to) => flood(to), /more than was asked for/],
    ['says that it has none', digestOf(MANIFEST), (_, to) => to.writeHead(404).end(), /no such image/],
    [
      'redirects for ever',
      layer(0),
      (_, to) => to.writeHead(307, { location: '?again' }).end(),
      /again and again/,
    ],
    [
      'redirects to a file',
      layer(0),
      (_, to) => to.writeHead(307, { location: 'file:///etc/passwd' }).end(),
      /no address/,
    ],
    [
      'would have the password sent to another host in the clear',
      digestOf(MANIFEST),
      (_, to) =>
        to.writeHead(401, { 'www-authenticate': 'Bearer realm="http://evil.example.com/token"' }).end(),
      /evil.example.com, unencrypted/,
    ],
  ])('%s is not believed', async (_, end, answer, problem) => {
    const directory = temporaryDirectory();
    const { host, asked } = await startFake({ [end]: answer });

    await expect(pull(host, digestOf(MANIFEST), LOGIN, directory)).rejects.toThrow(problem);

    expect(asked.length).toBeLessThan(30);
    expect(existsSync(join(directory, 'images', blobPath(digestOf(IMAGE.config))))).toBe(false);
  });

  it('breaks off is asked for the rest, and what is there is not fetched again', async () => {
    let times = 0;
    const cut: Answer = (_, to) => {
      times++;
      to.writeHead(200, { 'content-length': LAYERS[0]?.length }).write(LAYERS[0]?.subarray(0, 5));
      setTimeout(() => to.destroy(), 20);
    };
    const bytes = LAYERS[0] ?? Buffer.alloc(0);
    const { host, asked } = await startFake({
      [layer(0)]: (request, to) => {
        if (times === 0) return cut(request, to);
        to.writeHead(206, { 'content-range': `bytes 5-${bytes.length - 1}/${bytes.length}` }).end(
          bytes.subarray(5),
        );
      },
    });
    const directory = temporaryDirectory();

    expect(await pull(host, '1.0', null, directory)).toMatchObject({ blobs: BLOBS, parts: [] });
    expect(asked.filter(({ url }) => url.endsWith(layer(0))).map(({ range }) => range)).toEqual([
      undefined,
      'bytes=5-',
    ]);

    const before = asked.length;
    await pull(host, '1.0', null, directory);
    expect(asked.slice(before).map(({ url }) => url.split('/').at(-2))).toEqual(['manifests', 'blobs']);
  });

  it('is gone in the middle leaves what came, for the next time', async () => {
    const directory = temporaryDirectory();
    const gone: Answer = ({ headers }, to) => {
      if (headers.range !== undefined) return void to.destroy();
      to.writeHead(200, { 'content-length': LAYERS[1]?.length }).write(LAYERS[1]?.subarray(0, 3));
      void untilPart(directory, 3).then(() => to.destroy());
    };
    const { host } = await startFake({ [layer(1)]: gone });

    await expect(pull(host, '1.0', null, directory)).rejects.toThrow();

    expect(readFileSync(join(directory, 'parts', hexOf(layer(1)))).length).toBeGreaterThan(2);
    const { host: back, asked } = await startFake();
    expect(await pull(back, '1.0', null, directory)).toMatchObject({ blobs: BLOBS, parts: [] });
    expect(asked.find(({ url }) => url.endsWith(layer(1)))?.range).toMatch(/^bytes=\d+-$/);
  });

  it.each<[string, Error, RegExp]>([
    ['its time', new DOMException('late', 'TimeoutError'), /not sent all of it in the time.*goes on where/],
    ['the wait for it', new Error('gave way'), /not waited for any more/],
  ])(
    'drips is given up at the end of %s, and asked for the rest the next time',
    async (_, reason, problem) => {
      const drip: Answer = (_request, to) => {
        to.writeHead(200, { 'content-length': LAYERS[1]?.length });
        to.write(LAYERS[1]?.subarray(0, 3));
      };
      const { host } = await startFake({ [layer(1)]: drip });
      const directory = temporaryDirectory();
      const waiting = new AbortController();
      const pulled = pull(host, '1.0', null, directory, 'linux/amd64', waiting.signal);
      void untilPart(directory, 3).then(() => waiting.abort(reason));

      await expect(pulled).rejects.toThrow(problem);

      const { host: back, asked } = await startFake();
      expect(await pull(back, '1.0', null, directory)).toMatchObject({ blobs: BLOBS, parts: [] });
      expect(asked.find(({ url }) => url.endsWith(layer(1)))?.range).toBe('bytes=3-');
    },
  );

  it('is not asked at all by whoever waits no more', async () => {
    const { host, asked } = await startFake();

    await expect(pull(host, '1.0', null, undefined, 'linux/amd64', AbortSignal.abort())).rejects.toThrow(
      /not waited for/,
    );

    expect(asked).toEqual([]);
  });

  it.each<[string, string | Buffer]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['no token', '{}'],
    ['a token that is none', '{"token":{"toString":1}}'],
    ['an empty token', '{"token":""}'],
    ['a token with another header in it', '{"token":"a\\r\\nx-evil: 1"}'],
    ['a token with a letter that no header has', '{"token":"tök"}'],
    ['a token of the other name that is none', '{"access_token":[]}'],
    ['bytes', Buffer.from([0xff, 0xfe, 0x00])],
  ])('gives leave with %s gives none', async (_, body) => {
    const { host, asked } = await startFake({
      '/token': (_request, to) => to.end(body),
      '/1.0': (request, to) => {
        const realm = `http://${request.headers.host}/token`;
        to.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="images"` }).end();
      },
    });

    await expect(pull(host, '1.0', LOGIN)).rejects.toThrow(/gives no leave for shop\/auth/);

    expect(asked).toHaveLength(2);
  });

  it('gives leave without an end gives none', async () => {
    const { host } = await startFake({
      '/token': (_request, to) => flood(to),
      '/1.0': (request, to) => {
        const realm = `http://${request.headers.host}/token`;
        to.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
      },
    });

    await expect(pull(host, '1.0', LOGIN)).rejects.toThrow(/more than was asked for/);
  });

  it('gives more than the disk holds leaves nothing of it there', async () => {
    const directory = temporaryDirectory();
    const { host } = await startFake();
    mkdirSync(join(directory, 'parts'));
    symlinkSync('/dev/full', join(directory, 'parts', hexOf(layer(1))));

    await expect(pull(host, '1.0', null, directory)).rejects.toMatchObject({ code: 'ENOSPC' });

    expect(readdirSync(join(directory, 'images/blobs/sha256'))).toEqual([]);
    expect(readdirSync(join(directory, 'parts'))).toEqual([]);
  });

  it('is asked in the clear is told no password, unless it is on this machine', async () => {
    const asking = await startFake({
      'blobs/sha256:0': (_, to) => to.writeHead(401, { 'www-authenticate': 'Basic realm="images"' }).end(),
    });
    // Whoever is asked for, it answers.
    const environment = { http_proxy: `http://${asking.host}` };
    const internet = createRegistry({ url: 'http://203.0.113.7', login: LOGIN }, environment);
    onTestFinished(() => internet.close());

    await expect(internet.ask('shop/auth', 'blobs/sha256:0', {})).rejects.toThrow('needs https');

    expect(asking.asked.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  it('gives leave by tokens is told the password at its own address, and another host neither', async () => {
    const store = await startFake();
    const { host, asked } = await startFake({
      '/token': (request, to) =>
        to.end(json({ token: `leave-${request.headers.authorization === undefined ? 'nobody' : 'reader'}` })),
      '/1.0': (request, to) => {
        if (request.headers.authorization === 'Bearer leave-reader') return to.end(MANIFEST);
        const realm = `http://${request.headers.host}/token`;
        to.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="images"` }).end();
      },
      [layer(0)]: (request, to) =>
        to.writeHead(307, { location: `http://${store.host}${request.url}` }).end(),
    });

    expect(await pull(host, '1.0', LOGIN)).toMatchObject({ blobs: BLOBS });

    const token = asked.find(({ url }) => url.startsWith('/token'));
    expect(token?.url).toBe('/token?service=images&scope=repository%3Ashop%2Fauth%3Apull');
    expect(token?.authorization).toMatch(/^Basic /);
    expect(store.asked.map(({ authorization }) => authorization)).toEqual([undefined]);
  });
});

describe('over TLS', () => {
  const company = foundCompany();
  const before = getCACertificates('default');
  beforeAll(() => {
    company.sign('server', 'DNS:localhost,IP:203.0.113.7');
    setDefaultCACertificates([...before, company.pem('ca.pem')]);
  });
  afterAll(() => {
    setDefaultCACertificates(before);
    company.remove();
  });

  /** Answers with its address, and with whom it was told. */
  async function startSecure(answer: (request: IncomingMessage, to: ServerResponse, own: string) => void) {
    const told: (string | undefined)[] = [];
    const tls = { cert: company.pem('server.pem'), key: company.pem('server.key') };
    const server = createSecureServer(tls, (request, to) => {
      told.push(request.headers.authorization);
      answer(request, to, `https://localhost:${(server.address() as AddressInfo).port}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return { url: `https://localhost:${(server.address() as AddressInfo).port}`, told };
  }

  async function askOf(url: string, environment = {}) {
    const registry = createRegistry({ url, login: LOGIN }, environment);
    onTestFinished(() => registry.close());
    return registry.ask('shop/auth', 'blobs/sha256:0', {});
  }

  it.each(['Bearer', 'Basic'])(
    'nobody that a registry redirects to is told the password: %s',
    async (scheme) => {
      const stranger = await startSecure((request, to, own) => {
        if (request.url?.startsWith('/token') === true) return to.end(json({ token: 'x' }));
        to.writeHead(401, { 'www-authenticate': `${scheme} realm="${own}/token",service="s"` }).end();
      });
      const { url, told } = await startSecure((_, to) =>
        to.writeHead(307, { location: `${stranger.url}/cdn` }).end(),
      );

      await expect(askOf(url)).rejects.toThrow('none of its own');

      expect([told, stranger.told]).toEqual([[undefined], [undefined]]);
    },
  );

  it('a registry names another place for its tokens, which is told the password', async () => {
    const tokens = await startSecure((_, to) => to.end(json({ token: 'leave' })));
    const { url, told } = await startSecure((request, to) => {
      if (request.headers.authorization === 'Bearer leave') return to.end('it');
      to.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.url}/token"` }).end();
    });

    expect((await askOf(url)).status).toBe(200);

    expect(tokens.told).toEqual([expect.stringMatching(/^Basic /)]);
    expect(told).toEqual([undefined, 'Bearer leave']);
  });

  it('no registry outside names a place inside the network for its tokens', async () => {
    const inside = await startSecure((_, to) => to.end(json({ token: 'leave' })));
    const { url } = await startSecure((_, to) =>
      to.writeHead(401, { 'www-authenticate': `Bearer realm="${inside.url}/token"` }).end(),
    );
    // Stands for the internet: whoever is asked for, it is that registry.
    const internet = createServer().on('connect', (_, client) => {
      const upstream = connect(Number(new URL(url).port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
    });
    await new Promise<void>((resolve) => internet.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void internet.close());
    const proxy = `http://127.0.0.1:${(internet.address() as AddressInfo).port}`;

    await expect(askOf('https://203.0.113.7', { https_proxy: proxy })).rejects.toThrow('inside this network');

    expect(inside.told).toEqual([]);
  });
});

function flood(to: ServerResponse): void {
  const piece = Buffer.alloc(1 << 20, 'x');
  const more = () => {
    if (!to.destroyed) to.write(piece, () => setImmediate(more));
  };
  to.on('error', () => undefined);
  more();
}

it('an image of schema 1, an artifact, layers of Windows are refused', async () => {
  const serve = async (manifest: object) => {
    const { host } = await startFake({ '/1.0': (_, to) => to.end(json(manifest)) });
    return pull(host, '1.0', null);
  };
  const whole = manifestOf(IMAGE.config, LAYERS);

  await expect(serve({ schemaVersion: 1, fsLayers: [] })).rejects.toThrow('schema 2');
  await expect(
    serve({ ...whole, config: described(IMAGE.config, 'application/vnd.cncf.helm.config.v1+json') }),
  ).rejects.toThrow('no image');
  const foreign = { ...described(LAYERS[0] ?? Buffer.alloc(0)), urls: ['https://elsewhere.example.com'] };
  await expect(serve({ ...whole, layers: [foreign] })).rejects.toThrow('elsewhere');
});
