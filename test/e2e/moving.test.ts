// An install that goes to another server of its vendor, and a copy that parts from its original: with real servers and state directories.
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { enroll } from '../../agent/adapters/server/enroller.ts';
import { readEnrolment, readIdentity } from '../../agent/adapters/server/enrolment-file.ts';
import { createHttpClient } from '../../agent/adapters/server/http-client.ts';
import { move } from '../../agent/adapters/server/mover.ts';
import { createServerChannel } from '../../agent/adapters/server/server-channel.ts';
import { createAuditFile } from '../../agent/adapters/state/audit-file.ts';
import { acquireStateLock } from '../../agent/adapters/state/state-directory.ts';
import { createStateFiles } from '../../agent/adapters/state/state-files.ts';
import { createEnrolment } from '../../server/db/enrolments.ts';
import { listInstances } from '../../server/db/instances.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { formatEnrolment } from '../../shared/protocol/enrolment.ts';
import { temporaryDirectory } from '../support/directories.ts';
import { rejectionOf } from '../support/error-code.ts';
import { firstPublication, signRoot, testKey } from '../support/publications.ts';
import { reportOf } from '../support/reports.ts';
import { startTestServer, type TestServer } from '../support/server-under-test.ts';

interface Vendor {
  readonly server: TestServer;
  readonly url: string;
  /** A new string for one install; its root is the newest unless another version is named. */
  string(version?: number): Promise<string>;
  instances(): Promise<readonly { readonly name: string; readonly movedTo?: string | undefined }[]>;
}

const http = createHttpClient();

/** With so many roots, each signed by the one before. */
async function startVendor(roots = 1, root: (version: number) => object = () => ({})): Promise<Vendor> {
  const server = await startTestServer();
  onTestFinished(() => server.close());
  const { publisher, db } = server.context;
  const chain = new Map<number, Uint8Array>();
  for (let version = 1; version <= roots; version++) {
    chain.set(version, signRoot(publisher.onlineKeys, { version, ...root(version) }));
  }
  await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
  const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  // The publication of the first root stands; those that follow are files as the server would serve them.
  for (const [version, bytes] of chain) {
    await writeFile(join(server.layout.repository, 'metadata', `${version}.root.json`), bytes);
  }
  server.now = Date.now();
  return {
    server,
    url,
    async string(version = roots) {
      const { code } = await createEnrolment(db, { name: 'Harbour', actor: 'test' }, server.now);
      const bytes = chain.get(version) ?? new Uint8Array();
      return formatEnrolment({ server: url, code, root: { version, digest: digestOf(bytes) } });
    },
    instances: async () =>
      (await listInstances(db, { limit: 100, after: null })).entries.map(({ name, movedTo }) => ({
        name,
        movedTo,
      })),
  };
}

async function install(vendor: Vendor, version?: number): Promise<string> {
  const stateDir = join(temporaryDirectory(), 'state');
  await enroll({ stateDir, text: await vendor.string(version), http, actor: 'alice' });
  return stateDir;
}

const go = (stateDir: string, text: string, isCopy = false) =>
  move({ stateDir, text, http, actor: 'alice', isCopy });

/** One start of an agent on this directory. */
async function startAgent(stateDir: string) {
  const file = await readEnrolment(stateDir);
  if (file === null) throw new Error('it is enrolled');
  const { server, instance } = file;
  const identity = () => readIdentity(stateDir, instance);
  const channel = createServerChannel({ server, instance, identity, clock: systemClock, http });
  return { instance, report: (sequence: number) => channel.send(reportOf(sequence)) };
}

describe('an install that goes to another server of its vendor', () => {
  it('keeps its policy, its trust and its log; both servers and the log say it, and the new one hears everything', async () => {
    const [first, second] = [await startVendor(), await startVendor()];
    const stateDir = await install(first);
    const policy = await readFile(join(stateDir, 'settings.json'), 'utf8');
    const before = await readEnrolment(stateDir);
    await (await startAgent(stateDir)).report(1);
    await createStateFiles(stateDir, () => undefined).outbox.write({
      ...{ schema: 'fairlead/outbox@1', sequence: 7 },
      delivered: { record: 3, stages: 2 },
    });

    const moved = await go(stateDir, await second.string());

    expect(moved).toMatchObject({ told: true, from: { server: first.url, instance: before?.instance } });
    expect(await first.instances()).toEqual([{ name: 'Harbour', movedTo: second.url }]);
    const after = await readEnrolment(stateDir);
    expect([after?.server, after?.root]).toEqual([second.url, before?.root]);
    expect(await readFile(join(stateDir, 'settings.json'), 'utf8')).toBe(policy);
    expect(await createStateFiles(stateDir, () => undefined).outbox.read()).toMatchObject({
      ...{ sequence: 0, delivered: null },
    });
    expect(await createAuditFile(stateDir, systemClock).entries()).toMatchObject([
      { event: 'enrolled' },
      {
        event: 'enrolled',
        details: { server: second.url, before: first.url, beforeInstance: before?.instance },
      },
    ]);
    await (await startAgent(stateDir)).report(1);
    expect(await second.instances()).toEqual([{ name: 'Harbour', movedTo: undefined }]);
  });

  it('comes with a key of its own, and leaves no copy of the one before', async () => {
    const [first, second] = [await startVendor(), await startVendor()];
    const stateDir = await install(first);
    const old = await readFile(join(stateDir, 'identity.json'), 'utf8');

    await go(stateDir, await second.string());

    expect(await readFile(join(stateDir, 'identity.json'), 'utf8')).not.toBe(old);
    const keys = (await readdir(stateDir)).filter((name) => name.startsWith('identity'));
    expect(keys).toEqual(['identity.json']);
  });

  it.each([
    ['a newer root than it began with', 1, 3, 3],
    ['an older root than it began with', 3, 1, 3],
    ['the same', 2, 2, 2],
  ])('follows the chain of roots to %s', async (_what, began, named, newest) => {
    const [first, second] = [await startVendor(newest), await startVendor(newest)];
    // One vendor: both servers show the same chain.
    for (let version = 1; version <= newest; version++) {
      const file = (one: Vendor) => join(one.server.layout.repository, 'metadata', `${version}.root.json`);
      await cp(file(first), file(second));
    }
    const stateDir = await install(first, began);
    const bytes = await readFile(join(second.server.layout.repository, 'metadata', `${named}.root.json`));
    const { code } = await createEnrolment(
      second.server.context.db,
      { name: 'Harbour', actor: 'test' },
      second.server.now,
    );
    const text = formatEnrolment({
      ...{ server: second.url, code, root: { version: named, digest: digestOf(bytes) } },
    });

    expect((await go(stateDir, text)).enrolment.server).toBe(second.url);
  });

  it.each([
    ['signed by other keys', { signers: [testKey('thief')] }, 'enrolment/other-vendor'],
    ['of another vendor altogether', { overrides: { x: 1 } }, 'enrolment/other-vendor'],
  ])('is refused by itself where the root is %s, and spends no code', async (_what, other, code) => {
    const first = await startVendor();
    const thief = await startVendor(1, () => other);
    const stateDir = await install(first);
    const before = await readEnrolment(stateDir);

    expect((await rejectionOf(go(stateDir, await thief.string()))).code).toBe(code);

    expect(await readEnrolment(stateDir)).toEqual(before);
    expect(await thief.instances()).toEqual([]);
    await (await startAgent(stateDir)).report(1);
  });

  it('is refused while an agent runs on the directory, and where nothing is enrolled', async () => {
    const [first, second] = [await startVendor(), await startVendor()];
    const stateDir = await install(first);
    const text = await second.string();
    const lock = await acquireStateLock(stateDir);
    expect((await rejectionOf(go(stateDir, text))).code).toBe('agent/already-running');
    lock.release();

    expect((await rejectionOf(go(temporaryDirectory(), text))).code).toBe('enrolment/missing');
  });

  it('goes although the server it leaves is gone, and says that nobody was told', async () => {
    const [first, second] = [await startVendor(), await startVendor()];
    const stateDir = await install(first);
    await first.server.app.close();

    expect(await go(stateDir, await second.string())).toMatchObject({ told: false });
  });

  it('goes on where it was cut off, wherever that was', async () => {
    const [first, second] = [await startVendor(), await startVendor()];
    const text = await second.string();
    const original = await install(first);
    const whole = join(temporaryDirectory(), 'whole');
    await cp(original, whole, { recursive: true });
    await go(whole, text, true);
    // What a kill leaves before the enrolment was written: the key it came with, under both names.
    const cut = join(temporaryDirectory(), 'cut');
    await cp(original, cut, { recursive: true });
    const id = (await readEnrolment(whole))?.instance;
    for (const name of ['next', id])
      await cp(join(whole, 'identity.json'), join(cut, `identity-${name}.json`));

    const again = await go(cut, text, true);

    expect(again.enrolment.instance).toBe(id);
    // And after it was written, before the key had taken its place.
    const late = join(temporaryDirectory(), 'late');
    await cp(original, late, { recursive: true });
    await cp(join(cut, 'enrolment.json'), join(late, 'enrolment.json'));
    for (const name of ['next', id])
      await cp(join(whole, 'identity.json'), join(late, `identity-${name}.json`));
    await (await startAgent(late)).report(1);
    await go(late, text, true);
    expect((await readdir(late)).filter((name) => name.startsWith('identity'))).toEqual(['identity.json']);
    await (await startAgent(late)).report(2);
  });
});

describe('a copied state directory', () => {
  it('is noticed by both agents, and mended by a code of its own: the original goes on as it was', async () => {
    const vendor = await startVendor();
    const { db } = vendor.server.context;
    const hoursAgo = (hours: number) => new Date(vendor.server.now - hours * 3_600_000).toISOString();
    const stateDir = await install(vendor);
    const clone = join(temporaryDirectory(), 'clone');
    await cp(stateDir, clone, { recursive: true });
    const [a, b] = [await startAgent(stateDir), await startAgent(clone)];
    const said = [];
    for (let sequence = 1; sequence <= 6; sequence += 2) {
      said.push((await a.report(sequence)).twinsHeard, (await b.report(sequence + 1)).twinsHeard);
    }
    expect(said.slice(0, 3)).toEqual([null, null, null]);
    expect(said.at(-1)).toMatch(/^20/);
    expect((await a.report(7)).twinsHeard).toMatch(/^20/);

    const moved = await go(clone, await vendor.string(), true);

    expect(moved).toMatchObject({ told: false, from: { instance: a.instance } });
    expect((await vendor.instances()).map(({ movedTo }) => movedTo)).toEqual([undefined, undefined]);
    const parted = await startAgent(clone);
    expect(parted.instance).not.toBe(a.instance);
    expect((await parted.report(1)).twinsHeard).toBeNull();
    await a.report(8);
    await db
      .updateTable('instances')
      .set({ twins_heard: hoursAgo(3) })
      .where('id', '=', a.instance)
      .execute();
    expect((await a.report(9)).twinsHeard).toBeNull();
    await expect(readIdentity(clone, parted.instance)).resolves.not.toEqual(
      await readIdentity(stateDir, a.instance),
    );
  });
});
