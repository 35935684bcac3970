// An agent that came back reads the state that a newer one left: every file of a real install, with fields that nobody here knows.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDeploymentStore } from '../../../../agent/adapters/state/deployment-store.ts';
import { createSettings } from '../../../../agent/adapters/state/settings.ts';
import { createStateFiles } from '../../../../agent/adapters/state/state-files.ts';
import { unpackEarlier } from '../../../support/earlier-install.ts';

/** What agents write for themselves; signed documents, policies and what people wrote are not among it. */
const OWN = [
  ...['decision.json', 'outbox/state.json', 'quarantine.json', 'verification.json', 'records/*.json'],
  'generations/*/{manifest,plan,record,config}.json',
];

/** As an optional field is added: to the document, and to each entry of its lists. */
function withMore(value: unknown, isTop = true): unknown {
  if (Array.isArray(value)) return value.map((one) => withMore(one));
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([key, part]) => [key, withMore(part, false)]);
  return { ...Object.fromEntries(parts), ...(isTop ? { later: { since: 'n+1' } } : {}) };
}

async function readAll(stateDir: string) {
  const damages: unknown[] = [];
  const store = createDeploymentStore({
    stateDir,
    treeDirectoryOf: (tree) => tree,
    onDamage: (damage) => damages.push(damage),
  });
  const files = createStateFiles(stateDir, (damage) => damages.push(damage));
  return {
    damages,
    records: await store.records(),
    generations: (await store.generations()).map(({ releases, ...rest }) => ({
      ...rest,
      releases: [...releases],
    })),
    quarantine: await store.quarantine(),
    decision: await files.decisions.read(),
    outbox: await files.outbox.read(),
    verification: await files.verification.read(),
  };
}

it('reads everything as if nothing had been added, and finds no damage', async () => {
  const stateDir = join((await unpackEarlier()).directory, 'agent');
  const before = await readAll(stateDir);
  const files = globSync(OWN, { cwd: stateDir });

  for (const name of files) {
    const path = join(stateDir, name);
    writeFileSync(path, JSON.stringify(withMore(JSON.parse(readFileSync(path, 'utf8')))));
  }

  expect(files.length).toBeGreaterThan(20);
  expect(before).toMatchObject({ damages: [], records: expect.arrayContaining([expect.anything()]) });
  expect(await readAll(stateDir)).toEqual(before);
});

it('takes a policy with a field that may forbid something for one that it cannot read', async () => {
  const stateDir = join((await unpackEarlier()).directory, 'agent');
  const path = join(stateDir, 'settings.json');
  writeFileSync(
    path,
    JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), later: 'never on Fridays' }),
  );

  expect(await createSettings(stateDir, join(stateDir, 'instance.json')).policy()).toMatchObject({
    kind: 'unreadable',
  });
});
