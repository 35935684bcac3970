// Halts that the server signs by itself: published whole or not at all, written down once, and never over the vendor's.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listHalts } from '../../../server/db/guard-halts.ts';
import type { HaltOrder } from '../../../server/repository/halting.ts';
import { newsBetween } from '../../../server/repository/state.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { haltPath, haltScopePath } from '../../../shared/schema/release-ref.ts';
import {
  digestOfText,
  documentOf,
  firstPublication,
  guardedDelegations,
  NOW,
  publicationOf,
  signRole,
  signTargets,
  testKey,
  VENDOR_KEYS,
} from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const HOUR_MS = 3_600_000;
const RELEASE = digestOfText('a release');
const OTHER = digestOfText('another');

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
  const { publisher } = server.context;
  await publisher.publish(firstPublication(publisher.onlineKeys), 'vendor');
});
afterEach(() => server.close());

function order(more: Partial<HaltOrder> = {}): HaltOrder {
  return {
    ...{
      digest: RELEASE,
      release: 'core/auth@1.0.1',
      change: 'CHG-1',
      class: null,
      classes: null,
      reason: '3 of 3 went wrong',
    },
    issued: formatInstant(server.now),
    expires: formatInstant(server.now + 24 * HOUR_MS),
    follows: null,
    ...more,
  };
}

async function enable(threshold = 1, version = 2): Promise<void> {
  const { publisher } = server.context;
  const targets = signTargets(
    version,
    [VENDOR_KEYS.targets],
    guardedDelegations(publisher.haltsKey ?? '', threshold),
  );
  await publisher.publish(publicationOf([['targets', targets]]), 'vendor');
}

const haltsOf = () => server.context.publisher.published().halts;
const versionOf = () => server.context.publisher.state()?.roles.get('halts')?.content.version;
const vendorHalt = (digest = RELEASE, expires = NOW + 72 * HOUR_MS) =>
  documentOf(haltPath(digest), {
    ...{ schema: 'fairlead/halt@1', digest, reason: 'we look into it' },
    issued: formatInstant(NOW),
    expires: formatInstant(expires),
  });

async function audited(action = 'rollout.halted') {
  return server.context.db.selectFrom('audit').selectAll().where('action', '=', action).execute();
}

describe('without the vendor’s word', () => {
  it('signs nothing that would not count', async () => {
    expect(await server.context.publisher.halt([order()])).toBe(0);
    expect([haltsOf(), versionOf(), server.context.publisher.published().mayHalt]).toEqual([[], 1, false]);
  });

  it('signs nothing where one signature is not enough', async () => {
    const { publisher } = server.context;
    const both = guardedDelegations(publisher.haltsKey ?? '', 2);
    const halts = signRole('halts', 2, [], [VENDOR_KEYS.halts, testKey('server-halts')]);
    const targets = signTargets(2, [VENDOR_KEYS.targets], both);
    await publisher.publish(
      publicationOf([
        ['targets', targets],
        ['halts', halts],
      ]),
      'vendor',
    );

    expect(await publisher.halt([order()])).toBe(0);
  });
});

describe('a server whose key the vendor named', () => {
  beforeEach(() => enable());

  it('halts for all what the vendor halted for a class', async () => {
    const { publisher } = server.context;
    const classes = [{ region: ['eu'] }];
    const scope = documentOf(haltScopePath(RELEASE), {
      ...{ schema: 'fairlead/halt-scope@1', digest: RELEASE, classes },
    });
    const limited = [vendorHalt(), scope];
    const halts = signRole('halts', 2, limited, [VENDOR_KEYS.halts]);
    await publisher.publish(publicationOf([['halts', halts]], limited), 'vendor');
    const follows = haltsOf().find(({ path }) => path === haltPath(RELEASE))?.sha256 ?? null;

    expect(await publisher.halt([order({ follows })])).toBe(1);

    expect(haltsOf().map(({ path }) => path)).toEqual([haltPath(RELEASE)]);
  });

  it('halts: published, told to everybody, in log and rows, once', async () => {
    const { publisher, db } = server.context;

    expect(await publisher.halt([order()])).toBe(1);

    expect(haltsOf().map(({ path }) => path)).toEqual([haltPath(RELEASE)]);
    expect((await audited()).map(({ actor, subject }) => [actor, subject])).toEqual([['server', 'CHG-1']]);
    expect(await listHalts(db, RELEASE)).toMatchObject([{ release: 'core/auth@1.0.1', lifted_at: null }]);
    const events = await db.selectFrom('events').select('kind').where('kind', 'like', 'rollout.%').execute();
    expect(events).toEqual([{ kind: 'rollout.halted' }]);
  });

  it('does not halt again what was decided on something older', async () => {
    const { publisher } = server.context;
    await publisher.halt([order()]);
    const version = versionOf();

    expect(await publisher.halt([order({ reason: 'once more' })])).toBe(0);
    expect([versionOf(), (await audited()).length]).toEqual([version, 1]);
  });

  it('takes the place of its own halt where it says so', async () => {
    const { publisher } = server.context;
    await publisher.halt([order()]);
    server.now += 13 * HOUR_MS;
    const follows = haltsOf()[0]?.sha256 ?? '';

    expect(await publisher.halt([order({ follows })])).toBe(1);
    expect(haltsOf()[0]?.sha256).not.toBe(follows);
  });

  it('leaves the vendor’s halts as they are, and removes what has expired', async () => {
    const { publisher } = server.context;
    const [stays, goes] = [vendorHalt(), vendorHalt(OTHER, NOW + HOUR_MS)];
    await publisher.publish(
      publicationOf([['halts', signRole('halts', 2, [stays, goes])]], [stays, goes]),
      'vendor',
    );
    server.now += 2 * HOUR_MS;

    const third = digestOfText('a third');
    expect(await publisher.halt([order(), order({ digest: third })])).toBe(1);

    expect(haltsOf().map(({ path }) => path)).toEqual([haltPath(RELEASE), haltPath(third)].sort());
  });

  it('never makes the role live longer than the vendor said', async () => {
    const { publisher } = server.context;
    const before = publisher.state()?.roles.get('halts')?.content.expires;

    await publisher.halt([order()]);

    expect(publisher.state()?.roles.get('halts')?.content.expires).toBe(before);
  });

  it('wakes agents as an emergency', async () => {
    const { publisher } = server.context;
    const before = publisher.published();
    await publisher.halt([order()]);

    expect(newsBetween(before, publisher.published())).toBe('emergency');
  });

  it('killed at any write it has halted and written it down, or neither, and once it goes on both', async () => {
    for (let writes = 0; ; writes++) {
      const digest = digestOfText(`release ${writes}`);
      server.failWriteAfter = writes;
      const killed = await server.context.publisher.halt([order({ digest })]).then(
        () => false,
        () => true,
      );
      server.failWriteAfter = null;
      server = Object.assign(await server.restart(), { now: server.now });
      const isHalted = haltsOf().some(({ path }) => path === haltPath(digest));
      const rows = await listHalts(server.context.db, digest);
      const entries = (await audited()).filter(({ details }) => details.includes(digest));
      expect([rows.length, entries.length], `after ${writes} writes`).toEqual(isHalted ? [1, 1] : [0, 0]);
      await server.context.publisher.halt([order({ digest })]);
      expect((await listHalts(server.context.db, digest)).length).toBe(1);
      if (!killed) break;
    }
  });
});
