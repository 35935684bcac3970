// Files for enrolled agents alone: by their credential, or by an address that was signed for them and is checked elsewhere.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createHttpSource } from '../../../agent/adapters/repository/http-source.ts';
import { createHttpClient } from '../../../agent/adapters/server/http-client.ts';
import type { Context } from '../../../server/context.ts';
import { ADDRESS_LIFETIME_SECONDS, type Downloads, signAddress } from '../../../server/core/downloads.ts';
import { FAILURES_PER_MINUTE } from '../../../server/http/app.ts';
import { readDownloads } from '../../../server/http/downloads.ts';

import { metadataName, targetName } from '../../../server/repository/names.ts';
import { createOrigin } from '../../../server/repository/origin.ts';
import { hexOf } from '../../../shared/encoding/digest.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { serveHttp } from '../../support/http-server.ts';
import { findNginx, startNginx } from '../../support/nginx.ts';
import { firstPublication } from '../../support/publications.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { addPack, makePack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

const KEY = 'kanarienvogel '.repeat(3);
const DOCUMENT = `targets/advisories/${'c'.repeat(64)}.FL-2026-0001.json`;

let server: TestServer;
let base: string;
let pack: string;
let agent: ServerAgent;

async function open(downloads: Downloads): Promise<void> {
  server = await startTestServer();
  onTestFinished(() => server.close());
  server.now = Date.now();
  Object.assign(server.context, { downloads } satisfies Partial<Context>);
  base = await server.app.listen({ host: '127.0.0.1', port: 0 });
  pack = `packs/${hexOf((await addPack(server.store, 'console.log(1)')).digest)}/full.pack`;
  await server.store.write(targetName('advisories/FL-2026-0001.json', 'c'.repeat(64)), Buffer.from('{}'));
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
  agent = await enrolAgent(server, 'one');
}

const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${base}/repository/${path}`, { headers, redirect: 'manual' });
const own = async () => ({ authorization: `Bearer ${await agent.token()}` });

describe('with packs for enrolled agents', () => {
  beforeEach(() => open({ access: 'enrolled', key: null, url: null }));

  it('a stranger gets metadata and documents, and no pack', async () => {
    const answers = await Promise.all([get('metadata/timestamp.json'), get(DOCUMENT), get(pack)]);

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 401]);
    expect(answers[2]?.headers.get('www-authenticate')).toBe('Bearer');
    expect(answers[2]?.headers.get('cache-control')).toBe('no-store');
    expect(await answers[2]?.json()).toMatchObject({ code: 'auth/missing' });
  });

  it('who is refused it over and over is told to wait, as everywhere else, and an agent beside it is not', async () => {
    const wrong = { authorization: 'Bearer not-a-token' };
    const answers = await Promise.all(
      Array.from({ length: FAILURES_PER_MINUTE + 5 }, (_, i) => get(pack, i % 2 === 0 ? {} : wrong)),
    );

    const codes = Map.groupBy(answers, ({ status }) => status);
    expect([codes.get(401)?.length, codes.get(429)?.length]).toEqual([FAILURES_PER_MINUTE, 5]);
    expect(codes.get(429)?.[0]?.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await get(pack, await own())).status).toBe(200);
  });

  it('an agent gets it, in parts too, and no cache may keep it for others', async () => {
    const whole = await get(pack, await own());
    const part = await get(pack, { ...(await own()), range: 'bytes=10-19' });

    expect([whole.status, part.status]).toEqual([200, 206]);
    expect(Buffer.from(await whole.arrayBuffer())).toEqual((await makePack('console.log(1)')).pack);
    expect(whole.headers.get('cache-control')).toMatch(/^private/);
  });

  it('an agent that is isolated gets nothing from then on', async () => {
    expect((await get(pack, await own())).status).toBe(200);
    const isolated = await server.app.inject({
      ...{
        method: 'POST',
        url: `/api/v1/instances/${agent.instance}/isolate`,
        payload: { reason: 'stolen' },
      },
      headers: { ...(await server.bearer('security')), 'if-match': '"1"' },
    });

    const answer = await get(pack, await own());

    expect([isolated.statusCode, answer.status]).toEqual([200, 403]);
    expect(await answer.json()).toMatchObject({ code: 'instance/isolated' });
  });

  it('an agent whose instance is gone gets nothing from then on', async () => {
    expect((await get(pack, await own())).status).toBe(200);
    await server.context.db.deleteFrom('instances').where('id', '=', agent.instance).execute();

    expect((await get(pack, await own())).status).toBe(401);
  });

  it('so does a token of the vendor, and none that was made up', async () => {
    const answers = [
      await get(pack, await server.bearer('viewer')),
      await get(pack, { authorization: 'Bearer flt_nobody' }),
      await get(pack, { authorization: 'Bearer made.up.token' }),
      await get(pack, { authorization: 'Basic eDp5' }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 401, 401, 401]);
  });

  it('a name that climbs into a pack from metadata is no way around', async () => {
    const answers = await Promise.all([
      get(`metadata/..%2f${pack}`),
      get(`metadata/%2e%2e/${pack}`),
      get(`%70acks/${pack.slice(6)}`),
      get(`./${pack}`),
    ]);

    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toEqual([]);
  });

  it('whether a pack is there is not told to strangers', async () => {
    const missing = await get(`packs/${'d'.repeat(64)}/full.pack`);
    const head = await fetch(`${base}/repository/${pack}`, { method: 'HEAD' });

    expect([missing.status, head.status]).toEqual([401, 401]);
  });
});

describe('with documents for enrolled agents too', () => {
  beforeEach(() => open({ access: 'enrolled-documents', key: null, url: null }));

  it('a stranger gets metadata alone', async () => {
    const answers = await Promise.all([get('metadata/1.root.json'), get(DOCUMENT), get(pack)]);

    expect(answers.map(({ status }) => status)).toEqual([200, 401, 401]);
    expect((await get(DOCUMENT, await own())).status).toBe(200);
  });

  it('the agent’s own client shows its credential where it is asked for, and nowhere else', async () => {
    const shown: (string | undefined)[] = [];
    const http = createHttpClient();
    // From here on its connection stays with Node's HTTP, which tells of each request.
    await http.get(`${base}/healthz`, { maxBytes: 1_000 });
    server.app.server.on('request', ({ headers }) => shown.push(headers.authorization?.slice(0, 6)));
    const urls = {
      metadata: `${base}/repository/metadata`,
      targets: `${base}/repository/targets`,
      packs: `${base}/repository`,
    };
    const source = createHttpSource(urls, http, agent.token);
    const dir = await mkdtemp(join(tmpdir(), 'fairlead-downloads-'));

    await source.metadata('timestamp.json', { maxBytes: 100_000 });
    await source.document('advisories/FL-2026-0001.json', 'c'.repeat(64), 100);
    await source.pack(pack.split('/')[1] ?? '', join(dir, 'full.pack'), {
      maxBytes: 1e6,
      onProgress: () => undefined,
    });
    await source.metadata('timestamp.json', { maxBytes: 100_000 });

    expect(shown).toEqual([undefined, undefined, 'Bearer', 'Bearer', undefined]);
    await http.close();
    await rm(dir, { recursive: true });
  });

  it('an agent that shows nothing, as earlier ones do, is refused by name', async () => {
    const http = createHttpClient();
    const url = `${base}/repository`;
    const source = createHttpSource({ metadata: url, targets: `${url}/targets`, packs: url }, http);

    const refusal = await rejectionOf(source.document('advisories/FL-2026-0001.json', 'c'.repeat(64), 100));

    expect(refusal.code).toBe('transport/refused');
    expect(refusal.data).toMatchObject({ status: 401 });
    await http.close();
  });
});

describe('with signed addresses', () => {
  beforeEach(() => open({ access: 'enrolled', key: KEY, url: 'https://cdn.example.com/fleet/' }));

  it('an agent is sent to one, and a stranger is not', async () => {
    const answer = await get(pack, await own());

    const to = new URL(answer.headers.get('location') ?? '');
    expect([answer.status, to.origin, to.pathname]).toEqual([
      302,
      'https://cdn.example.com',
      `/fleet/${pack}`,
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect([...to.searchParams.keys()]).toEqual(['expires', 'signature', 'md5']);
    expect(to.href).not.toContain('kanarienvogel');
    expect((await get(pack)).status).toBe(401);
  });

  it.each<[string, (query: URLSearchParams) => string | undefined, number]>([
    ['as it is', () => undefined, 200],
    ['of another file', () => undefined, 401],
    ['that has ended', () => undefined, 401],
    ['whose end was moved', (query) => query.set('expires', '99999999999') as undefined, 401],
    ['whose end is no number', (query) => query.set('expires', '1e12') as undefined, 401],
    ['with another proof', (query) => query.set('signature', 'A'.repeat(43)) as undefined, 401],
    [
      'with half a proof',
      (query) => query.set('signature', query.get('signature')?.slice(0, 20) ?? '') as undefined,
      401,
    ],
    ['without its proof', (query) => query.delete('signature') as undefined, 401],
    ['with its proof twice', (query) => query.append('signature', 'x') as undefined, 401],
  ])('the server itself takes an address %s with %i', async (what, change, status) => {
    const signedFor =
      what === 'of another file' ? `/fleet/packs/${'e'.repeat(64)}/full.pack` : `/fleet/${pack}`;
    const ended = what === 'that has ended' ? ADDRESS_LIFETIME_SECONDS * 1000 : 0;
    const query = signAddress(KEY, signedFor, server.now - ended);
    change(query);

    const answer = await get(`${pack}?${query}`);

    expect(answer.status).toBe(status);
  });

  it('a vendor’s program is sent to one with its own token, shows that nowhere else, and goes on where it stopped', async () => {
    const shown: (string | undefined)[] = [];
    const elsewhere = await serveHttp(({ url, headers }, response) => {
      shown.push(headers.authorization, headers.range, url?.split('?')[0]);
      response.writeHead(206, { 'content-range': 'bytes 3-5/6' }).end('def');
    });
    Object.assign(server.context, {
      downloads: { access: 'enrolled', key: KEY, url: `${elsewhere}/` },
    } satisfies Partial<Context>);
    const file = join(temporaryDirectory(), 'pack');
    await writeFile(file, 'abc');
    const { authorization } = await server.bearer('publisher');

    const origin = createOrigin(`${base}/repository`, {}, async () => authorization);
    await origin.download(pack, file, 100).finally(() => origin.close());

    expect(await readFile(file, 'utf8')).toBe('abcdef');
    expect(shown).toEqual([undefined, 'bytes=3-', `/${pack}`]);
  });

  it('asks for nothing where everybody may have the file', async () => {
    expect((await get(metadataName('root', 1).replace('repository/', ''))).status).toBe(200);
  });
});

const nginx = findNginx();

describe.skipIf(nginx === null)('nginx as the guide has it', () => {
  it('checks the address that an agent was sent to, and gives the pack by itself', async () => {
    await open({ access: 'enrolled', key: KEY, url: null });
    const { port } = new URL(base);
    const dir = await mkdtemp(join(tmpdir(), 'fairlead-nginx-'));
    const running = await startNginx(
      nginx ?? '',
      join(dir, 'nginx'),
      [Number(port)],
      locationOf(server.layout.repository),
    );
    Object.assign(server.context, { downloads: { access: 'enrolled', key: KEY, url: `${running.url}/` } });
    const http = createHttpClient();
    const urls = { metadata: base, targets: base, packs: `${base}/repository` };
    const source = createHttpSource(urls, http, agent.token);
    const file = join(dir, 'full.pack');
    await writeFile(file, '');

    await source.pack(pack.split('/')[1] ?? '', file, { maxBytes: 1e6, onProgress: () => undefined });

    const sent = (await get(pack, await own())).headers.get('location') ?? '';
    const answers = await Promise.all([
      fetch(sent),
      fetch(`${running.url}/${pack}`),
      fetch(sent.replace('expires=1', 'expires=2')),
      fetch(`${running.url}/${pack}?${signAddress(KEY, `/${pack}`, server.now - 400_000)}`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403, 410]);
    expect(Buffer.from(await (answers[0] as Response).arrayBuffer())).toEqual(
      (await makePack('console.log(1)')).pack,
    );
    await http.close();
    await running.stop();
    await rm(dir, { recursive: true });
  });
});

function locationOf(repository: string): string {
  return `    location /packs/ {
      root ${repository};
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri ${KEY}";
      if ($secure_link = "") { return 403; }
      if ($secure_link = "0") { return 410; }
    }`;
}

describe('settings that say two things', () => {
  it.each([
    ['a key for what everybody may have', { downloadKeyFile: 'long' }],
    ['an address for what everybody may have', { downloadUrl: 'https://cdn.example.com' }],
    ['an address without a key', { repositoryAccess: 'enrolled', downloadUrl: 'https://cdn.example.com' }],
    ['a key that is soon guessed', { repositoryAccess: 'enrolled', downloadKeyFile: 'short' }],
  ] as const)('(%s) are refused at the start', async (_name, settings) => {
    await open({ access: 'public', key: null, url: null });
    const files = { long: join(server.layout.dir, 'long'), short: join(server.layout.dir, 'short') };
    await writeFile(files.long, `${KEY}\n`);
    await writeFile(files.short, 'kanarienvogel\n');
    const named = 'downloadKeyFile' in settings ? { downloadKeyFile: files[settings.downloadKeyFile] } : {};

    const refusal = await rejectionOf(readDownloads({ ...settings, ...named }));

    expect(refusal.code).toBe('server/downloads-unclear');
    expect(refusal.message + refusal.hint).not.toContain('kanarienvogel');
  });
});
