// Copies of the repository that lie, lag, hang, redirect and refuse, beside a server that is away: what is newest and signed arrives all the same.
import type { IncomingMessage, RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createHttpSource } from '../../../../agent/adapters/repository/http-source.ts';
import { openTrustStore } from '../../../../agent/adapters/repository/trust-store.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { networkOf } from '../../../../agent/adapters/server/network.ts';
import { EXCHANGE_LIMITS } from '../../../../agent/adapters/server/watch.ts';
import { createRepository } from '../../../../agent/engine/repository/repository.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { serveHttp } from '../../../support/http-server.ts';
import { NOW, RepositorySimulator } from '../../../support/repository-simulator.ts';

const PLATFORM = 'platform/1.0.0.json';
const change = { id: 'CHG-1', revision: 'git:1', scope: 'all', builtAt: '2026-05-01T00:00:00Z' };
const platform = JSON.stringify({ schema: 'fairlead/platform@1', version: '1.0.0', change, suites: {} });

/** Patient enough for a machine that is busy, and not for one that hangs. */
const LIMITS = { ...EXCHANGE_LIMITS, headersMs: 3_000, discardMs: 500, rateGraceMs: 3_000 };

type Serve = (vendor: RepositorySimulator) => RequestListener;

const honest: Serve = (vendor) => (request, response) => {
  const { status, bytes } = vendor.answer(request.url ?? '');
  response.writeHead(status, { etag: `"${bytes.length}-${request.url?.length}"` });
  response.end(bytes);
};
/** What was served at this moment, for ever. */
const lagging: Serve = (vendor) => {
  const kept = new RepositorySimulator();
  for (const [role, versions] of vendor.published) kept.published.set(role, [...versions]);
  for (const [path, bytes] of vendor.artifacts) kept.artifacts.set(path, bytes);
  return honest(kept);
};
const lyingAbout =
  (part: RegExp): Serve =>
  (vendor) =>
  (request, response) => {
    const { status, bytes } = vendor.answer(request.url ?? '');
    const lie = Buffer.from(bytes);
    const middle = lie.length >> 1;
    if (part.test(request.url ?? '') && lie.length > 40) lie[middle] = (lie[middle] ?? 0) ^ 1;
    response.writeHead(status).end(lie);
  };
const answering =
  (status: number, headers: Readonly<Record<string, string>> = {}): Serve =>
  () =>
  (_, response) =>
    void response.writeHead(status, headers).end();
const hanging: Serve = () => () => undefined;
/** Begins, and drips. */
const dripping: Serve = () => (_, response) => void response.writeHead(200).write('{');

/** A repository with a release, and an install that has seen none of it; `away` where the server cannot be reached. */
async function world(server: Serve | 'away', ...mirrors: readonly Serve[]) {
  const vendor = new RepositorySimulator();
  vendor.delegate('targets', 'releases', { paths: ['platform/*'], terminating: true });
  const asked: { readonly place: number; readonly request: IncomingMessage }[] = [];
  const http = createHttpClient(LIMITS, networkOf({}));
  const source = async (serve: Serve | 'away', place: number) => {
    const listener = serve === 'away' ? null : serve(vendor);
    const url =
      listener === null
        ? 'http://127.0.0.1:1'
        : await serveHttp((request, response) => {
            asked.push({ place, request });
            listener(request, response);
          });
    const urls = { metadata: `${url}/metadata`, targets: `${url}/targets`, packs: url };
    return { ...(place === 0 ? {} : { mirror: `mirror ${place}` }), ...createHttpSource(urls, http) };
  };
  const learned: unknown[] = [];
  const warnings: string[] = [];
  const directory = temporaryDirectory();
  const initialRoot = vendor.initialRoot();
  // A laggard has this and no more.
  vendor.publish('releases', 'targets', 'snapshot', 'timestamp');
  const sources = await Promise.all(mirrors.map((serve, index) => source(serve, index + 1)));
  const repository = createRepository({
    openStore: () => openTrustStore(directory),
    source: await source(server, 0),
    mirrors: { sources: async () => sources, learn: (listed) => learned.push(listed) },
    initialRoot,
    onWarning: ({ code }) => warnings.push(code),
  });
  const release = () => {
    vendor.addTarget('releases', PLATFORM, platform);
    vendor.publish('releases', 'targets', 'snapshot', 'timestamp');
  };
  const asksOf = (place: number) => asked.filter((one) => one.place === place);
  const releases = async () => (await repository.catalog()).releases.length;
  return { vendor, repository, release, releases, asksOf, learned, warnings, close: http.close };
}

describe('mirrors', () => {
  it('are not asked while the server answers, whether it has news or not', async () => {
    const { repository, release, releases, asksOf, close } = await world(honest, honest);
    release();

    expect(await repository.refresh(NOW)).toBe('changed');
    expect(await repository.refresh(NOW)).toBe('unchanged');

    expect(await releases()).toBe(1);
    expect(repository.mirror()).toBeNull();
    expect(asksOf(1)).toEqual([]);
    await close();
  });

  const ROWS: readonly (readonly [what: string, first: Serve])[] = [
    ['lies about what is new', lyingAbout(/timestamp/)],
    ['lies about the snapshot', lyingAbout(/snapshot/)],
    ['lies about a document', lyingAbout(/platform/)],
    ['lags', lagging],
    ['hangs', hanging],
    ['drips', dripping],
    ['has nothing', answering(404)],
    ['breaks', answering(500)],
    ['says that nothing changed, whoever asks', answering(304)],
    [
      'leads in a circle',
      (_) => (request, response) => void response.writeHead(302, { location: request.url ?? '' }).end(),
    ],
    ['leads to another scheme', answering(302, { location: 'https://127.0.0.1/' })],
    ['wants to be left alone for a day', answering(429, { 'retry-after': '86400' })],
  ];

  it.each(ROWS)('are passed over where one %s', { timeout: 60_000 }, async (_, first) => {
    const { repository, release, releases, close } = await world('away', first, honest);
    release();

    expect(await repository.refresh(NOW)).toBe('changed');

    expect(await releases()).toBe(1);
    expect(repository.mirror()).toBe('mirror 2');
    await close();
  });

  it('that are behind hide nothing that another has, for no round', async () => {
    const { repository, release, releases, close } = await world('away', lagging, honest);
    expect(await repository.refresh(NOW)).toBe('changed');
    expect(await releases()).toBe(0);
    release();

    expect(await repository.refresh(NOW)).toBe('changed');

    expect(await releases()).toBe(1);
    await close();
  });

  it('take nothing back: what is trusted stays where every copy is older, and the server’s failure is told', async () => {
    const { repository, release, releases, close } = await world('away', honest);
    release();
    await repository.refresh(NOW);
    const kept = await world('away', lagging);
    kept.release();

    expect(await repository.refresh(NOW)).toBe('unchanged');
    expect(await releases()).toBe(1);
    const alone = await world('away', answering(500), lyingAbout(/timestamp/));
    expect((await rejectionOf(alone.repository.refresh(NOW))).code).toBe('transport/unreachable');
    expect(alone.repository.mirror()).toBeNull();
    await Promise.all([close(), kept.close(), alone.close()]);
  });

  it('are shown no name of a file that another place gave', async () => {
    const { repository, asksOf, close } = await world('away', honest, honest);
    await repository.refresh(NOW);
    await repository.refresh(NOW);

    const conditions = [1, 2].flatMap((place) =>
      asksOf(place).map(({ request }) => request.headers['if-none-match'] ?? null),
    );
    expect(new Set(conditions)).toEqual(new Set([null]));
    await close();
  });

  it('serve on while a server that asked for a pause is left alone', async () => {
    const { repository, asksOf, close } = await world(answering(503, { 'retry-after': '600' }), honest);
    await repository.refresh(NOW);
    const { length } = asksOf(0);
    await repository.refresh(NOW + 300_000);

    expect(asksOf(0)).toHaveLength(length);
    await repository.refresh(NOW + 601_000);
    expect(asksOf(0).length).toBeGreaterThan(length);
    await close();
  });
});

describe('the vendor’s list of mirrors', () => {
  const publish = (vendor: RepositorySimulator, role: string, text: string) => {
    vendor.addTarget(role, 'mirrors.json', text);
    vendor.publish('releases', 'targets', 'snapshot', 'timestamp');
  };
  const listOf = (url: string) => JSON.stringify({ schema: 'fairlead/mirrors@1', mirrors: [{ url }] });

  it('is learnt with the catalog, as it is now, and nothing of it where it is gone', async () => {
    const { vendor, repository, releases, learned, close } = await world(honest);
    for (const url of ['https://a.example', 'https://b.example']) {
      publish(vendor, 'targets', listOf(url));
      await repository.refresh(NOW);
      await releases();
    }
    delete vendor.targets.targets['mirrors.json'];
    vendor.publish('targets', 'snapshot', 'timestamp');
    await repository.refresh(NOW);
    await releases();

    expect(learned).toEqual([[{ url: 'https://a.example' }], [{ url: 'https://b.example' }], []]);
    await close();
  });

  it.each([
    ['that nobody can read', 'no JSON'],
    ['with a mirror that is no https', listOf('http://a.example')],
    ['of a later form', JSON.stringify({ schema: 'fairlead/mirrors@2', mirrors: [] })],
  ])('%s hides no release, and is told of', async (_, text) => {
    const { vendor, repository, release, releases, learned, warnings, close } = await world(honest);
    publish(vendor, 'targets', text);
    release();

    expect(await repository.refresh(NOW)).toBe('changed');

    expect(await releases()).toBe(1);
    expect(learned.at(-1)).toEqual([]);
    expect(warnings).toHaveLength(1);
    await close();
  });

  it('counts from the top-level role alone', async () => {
    const { vendor, repository, releases, learned, close } = await world(honest);
    publish(vendor, 'releases', listOf('https://a.example'));
    await repository.refresh(NOW);
    await releases();

    expect(learned).toEqual([[]]);
    await close();
  });
});
