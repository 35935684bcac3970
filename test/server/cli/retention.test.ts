// `fairlead-server retention`: what is kept until when, what is missing, and that only what nobody asks for any more can be removed.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listRetention, removeReleases } from '../../../server/cli/retention.ts';
import { readAudit } from '../../../server/db/audit.ts';
import { type Commit, versionOf } from '../../../server/repository/commit.ts';
import { COMMIT, PUBLIC, packName, patchListName, TIMESTAMP } from '../../../server/repository/names.ts';
import { UNREFERENCED_KEPT_MS } from '../../../server/repository/prune.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { hexOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { tryLock } from '../../../shared/node/lock.ts';
import { encodePatchList, parsePatchList } from '../../../shared/protocol/patches.ts';
import { patchPath } from '../../../shared/protocol/publication.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { rejectionOf } from '../../support/error-code.ts';
import {
  capability,
  changeOf,
  digestOfText,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { enrolAgent } from '../../support/server-agent.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn } from '../../support/stores.ts';

const DAY_MS = 86_400_000;
const AUTH = 'core/auth' as ComponentKey;

let server: TestServer;
let trees: Record<string, TreeRef>;
let said: string[];
let version: number;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  server = await startTestServer();
  vi.setSystemTime(server.now);
  said = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'ada');
  version = 1;
  const [old, current] = [
    await addPack(server.store, 'console.log(1)'),
    await addPack(server.store, 'console.log(2)'),
  ];
  trees = { '1.0.0': old, '1.0.1': current };
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await server.close();
});

const context = { environment: {} };
const home = () => ({ dir: server.layout.dir });
const packOf = (text: string) => packName(hexOf((trees[text] as TreeRef).digest));
const list = () => listRetention(context, home());
const remove = (...names: readonly string[]) => removeReleases(context, names, { ...home(), yes: true });
const standing = async () => new Set(await namesIn(server.store, 'repository/'));

/** For ten days; what is not named is listed no longer. */
async function publish(...texts: readonly string[]): Promise<void> {
  const until = formatInstant(Date.parse('2026-11-30T12:00:00Z'));
  const documents = texts.map((text) => ({
    ...capability(text, trees[text] as TreeRef, `CHG-${text.at(-1)}`),
    custom: { availableUntil: until },
  }));
  const changes = documents.map((one, at) => {
    const text = texts[at] as string;
    return changeOf(one, text, trees[text] as TreeRef, 'release', `CHG-${text.at(-1)}`);
  });
  const metadata = signRole('releases', ++version, documents);
  await server.context.publisher.publish(publicationOf([['releases', metadata]], documents, changes), 'ada');
}

function wait(ms: number): void {
  server.now += ms;
  vi.setSystemTime(server.now);
}

/** 1.0.0 was retired, and long enough ago. */
async function retire(): Promise<void> {
  await publish('1.0.0', '1.0.1');
  wait(11 * DAY_MS);
  await publish('1.0.1');
}

const FORGOTTEN_MS = UNREFERENCED_KEPT_MS + 30 * DAY_MS;

it('says until when each stays, and fails naming what can no longer be fetched', async () => {
  await publish('1.0.0');
  expect(await list()).toBe(0);
  expect(said.join('')).toMatch(/core\/auth@1\.0\.0 +2026-11-30T12:00:00Z/);

  const tag = await server.store.tagOf(packOf('1.0.0'));
  if (tag !== null) await server.store.clear(packOf('1.0.0'), tag);

  const refusal = await rejectionOf(list());
  expect(refusal.code).toBe('server/release-missing');
  expect(refusal.message).toContain(packOf('1.0.0').replace('repository/', ''));
});

describe('what is removed', () => {
  it('is never listed, whatever its day', async () => {
    await publish('1.0.0');
    const refusal = await rejectionOf(remove('core/auth@1.0.0'));
    expect(refusal.code).toBe('server/release-kept');
    expect(refusal.message).toContain('2026-11-30T12:00:00Z');

    wait(11 * DAY_MS);
    expect((await rejectionOf(remove('core/auth@1.0.0'))).code).toBe('server/release-kept');
    expect(await standing()).toContain(packOf('1.0.0'));
  });

  it('is not while a snapshot leads to it that an agent may still hold', async () => {
    await retire();

    expect((await rejectionOf(remove('core/auth@1.0.0'))).code).toBe('server/release-kept');
  });

  it('is all of a retired release and nothing else, once a person says so, and stands in the log', async () => {
    await retire();
    wait(FORGOTTEN_MS);
    const before = await standing();
    await removeReleases(context, ['core/auth@1.0.0'], home());
    expect(await standing()).toEqual(before);
    expect(said.join('')).toContain('nothing was removed');

    await remove('core/auth@1.0.0');

    const gone = [...before].filter(
      (name) => name.includes('/1.0.0.json') || name === packOf('1.0.0') || /\.1\.0\.0\.json$/.test(name),
    );
    expect(gone).toHaveLength(2);
    const after = await standing();
    expect([...before].filter((name) => !after.has(name))).toEqual(gone);
    const { entries } = await readAudit(server.context.db, 0, 100);
    expect(entries.at(-1)).toMatchObject({ action: 'release.removed', subject: 'core/auth@1.0.0' });
    expect(await list()).toBe(0);
  });

  it('is no pack that a release which stays has too', async () => {
    trees = { '1.0.0': trees['1.0.1'] as TreeRef, '1.0.1': trees['1.0.1'] as TreeRef };
    await retire();
    wait(FORGOTTEN_MS);

    await remove('core/auth@1.0.0');

    expect(await standing()).toContain(packOf('1.0.1'));
    expect(await list()).toBe(0);
  });

  it('is a pack that no release names, by its own name', async () => {
    const stray = await addPack(server.store, 'console.log(3)');
    await publish('1.0.0');
    await list();
    expect(said.join('')).toContain(`packs/${hexOf(stray.digest)}  may go`);

    await remove(`packs/${hexOf(stray.digest)}`);

    expect(await standing()).not.toContain(packName(hexOf(stray.digest)));
    expect(await standing()).toContain(packOf('1.0.0'));
  });

  it('is a patch by its own name, at any time: its list no longer names it, and all others stay', async () => {
    const other = await addPack(server.store, 'console.log(3)');
    await publish('1.0.0', '1.0.1');
    const to = hexOf((trees['1.0.1'] as TreeRef).digest);
    const froms = [trees['1.0.0'] as TreeRef, other].map(({ digest }) => digest);
    const [bad = '', good = ''] = froms.map((from) => patchPath(to, hexOf(from)));
    await server.store.write(
      patchListName(to),
      encodePatchList({ full: 90, patches: froms.map((from) => ({ from, bytes: 9 })) }),
    );
    for (const path of [bad, good]) await server.store.write(PUBLIC + path, utf8('a patch'));
    await list();
    expect(said.join('')).toContain(`${bad}  core/auth@1.0.0 to core/auth@1.0.1`);
    expect(said.join('')).toContain(`${good}  unknown to core/auth@1.0.1`);
    const before = await standing();
    await removeReleases(context, [bad], home());
    expect([await standing(), said.join('').includes(`would go  ${bad}`)]).toEqual([before, true]);

    await remove(bad);

    const after = await standing();
    expect([...before].filter((name) => !after.has(name))).toEqual([PUBLIC + bad]);
    const listed = parsePatchList(
      (await server.store.read(patchListName(to)))?.bytes ?? Buffer.of(),
      'patches',
    );
    expect(listed).toMatchObject({ full: 90, patches: [{ from: other.digest, bytes: 9 }] });
    const { entries } = await readAudit(server.context.db, 0, 100);
    expect(entries.at(-1)).toMatchObject({
      action: 'release.removed',
      subject: bad,
      details: { files: [bad] },
    });
    await remove(bad);
    expect(said.at(-1)).toBe('0 files removed\n');
    expect((await rejectionOf(remove(patchPath(hexOf(other.digest), to)))).code).toBe('server/release-kept');
  });

  it('is a patch whose list nobody can read', async () => {
    await publish('1.0.0', '1.0.1');
    const [from, to] = [trees['1.0.0'], trees['1.0.1']].map((tree) => hexOf((tree as TreeRef).digest));
    const path = patchPath(to ?? '', from ?? '');
    await server.store.write(PUBLIC + path, utf8('a patch'));
    await server.store.write(patchListName(to ?? ''), utf8('damaged'));

    await remove(path);

    expect(await standing()).not.toContain(PUBLIC + path);
    expect(await standing()).toContain(packOf('1.0.1'));
  });

  it.each(['core/auth@9.0.0', 'packs', '../keys', 'metadata/1.root.json'])('is not %s', async (name) => {
    await publish('1.0.0');
    expect((await rejectionOf(remove(name))).code).toBe('server/release-kept');
  });

  it('is nothing that an install reported it runs, or ran before, unless that is retired', async () => {
    await retire();
    const agent = await enrolAgent(server, 'Harbour');
    wait(FORGOTTEN_MS);
    await agent.report(1, reportOf(1, { records: [recordOf(1, 'committed', 'CHG-0')] }));
    const held = await rejectionOf(remove('core/auth@1.0.0'));
    expect(held.code).toBe('server/release-held');
    expect(held.message).toContain('Harbour');

    const [from, to] = [parseVersion('1.0.0'), parseVersion('1.0.1')];
    const up = recordOf(2, 'committed', 'CHG-1', { steps: [{ component: AUTH, from, to, change: 'CHG-1' }] });
    const components = [
      { component: AUTH, version: to, tree: digestOfText('tree'), health: 'healthy' as const },
    ];
    await agent.report(2, reportOf(2, { components, records: [up] }));
    expect((await rejectionOf(remove('core/auth@1.0.0'))).code).toBe('server/release-held');

    await server.context.db.updateTable('instances').set({ standing: 'retired' }).execute();
    await remove('core/auth@1.0.0');
    expect(await standing()).not.toContain(packOf('1.0.0'));
  });

  it('is nothing while a server runs on the directory: what it publishes in between could need it', async () => {
    await retire();
    wait(FORGOTTEN_MS);
    const lock = await tryLock(server.layout.lock);

    expect((await rejectionOf(remove('core/auth@1.0.0'))).code).toBe('server/in-use');

    expect(await standing()).toContain(packOf('1.0.0'));
    lock?.release();
    await remove('core/auth@1.0.0');
    expect(await standing()).not.toContain(packOf('1.0.0'));
  });

  it('is nothing of a publication that a killed server had decided on', async () => {
    await publish('1.0.0');
    const shown = await server.store.read(TIMESTAMP);
    await publish('1.0.0', '1.0.1');
    const [then, now] = [shown?.bytes ?? Buffer.of(), (await server.store.read(TIMESTAMP))?.bytes];
    const commit: Commit = {
      ...{ schema: 'fairlead/commit@1', id: digestOfText('commit'), actor: 'ada', roots: [], changes: [] },
      ...{ timestamp: now?.toString('base64') ?? null, follows: versionOf(then) },
    };
    await server.store.write(TIMESTAMP, then);
    await server.store.write(COMMIT, utf8(JSON.stringify(commit)));
    // Before that its snapshot is one that an agent may still hold.
    wait(FORGOTTEN_MS);

    expect((await rejectionOf(remove('core/auth@1.0.1'))).code).toBe('server/release-kept');

    expect(await standing()).toContain(packOf('1.0.1'));
    expect(await list()).toBe(0);
  });

  it('is gone on with by the same words, after a kill between two of several', async () => {
    const [second, third] = [await addPack(server.store, 'two'), await addPack(server.store, 'three')];
    const strays = [second, third].map(({ digest }) => `packs/${hexOf(digest)}`);
    await publish('1.0.0');
    await remove(...strays);
    // As if it had been killed before the last.
    expect(await addPack(server.store, 'three')).toEqual(third);

    await remove(...strays);

    expect(await standing()).not.toContain(packName(hexOf(third.digest)));
    await remove(...strays);
    expect(said.at(-1)).toBe('0 files removed\n');
  });

  it('is nothing while installs never said what they run, unless a person says that none needs it', async () => {
    await retire();
    await enrolAgent(server, 'Silent');
    wait(FORGOTTEN_MS);

    const refusal = await rejectionOf(remove('core/auth@1.0.0'));
    expect(refusal.code).toBe('server/release-unheard');
    expect(refusal.message).toContain('Silent');
    await list();
    expect(said.join('')).toContain('1 install never said');
    expect(said.join('')).not.toContain('may go');

    await removeReleases(context, ['core/auth@1.0.0'], { ...home(), yes: true, unheard: true });
    expect(await standing()).not.toContain(packOf('1.0.0'));
  });
});
