// An install and a server that an earlier version left behind go on with this one: nothing is migrated by hand.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import {
  committed,
  type EarlierChanges,
  type EarlierStatus,
  releaseAnew,
  startEarlier,
  unpackEarlier,
} from '../support/earlier-install.ts';

const PATIENCE_MS = 300_000;

describe('what an earlier version left behind', { timeout: PATIENCE_MS }, () => {
  it('goes on: it is read, healthy, updated, rolled back, and its history stays', async () => {
    const earlier = await unpackEarlier();
    const { directory, run, json } = earlier;

    await startEarlier(earlier);
    const status = await json<EarlierStatus>('status');
    expect(status.components.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
    expect(status.components.map(({ version }) => version)).toEqual(['6.1.2', '1.3.7']);
    expect(status.quarantine.map(({ version }) => version)).toEqual(['6.1.3']);
    const { changes } = await json<EarlierChanges>('changes');
    expect(changes.map(({ state }) => state)).toEqual([
      ...Array(5).fill('committed'),
      'rolled-back',
      'committed',
    ]);
    await run('fairlead', 'verify');
    await run('fairlead', 'audit', 'verify');

    await releaseAnew(earlier, createOfflineEdition().editor, '1.3.8');
    await committed(json, 8);

    await run('fairlead', 'rollback', '--to', String(status.generation), '--reason', 'as it was before');
    const after = await json<EarlierStatus>('status');
    expect(after.components.map(({ version }) => version)).toEqual(['6.1.2', '1.3.7']);
    expect(await run('fairlead-vendor', 'trace', 'CHG-4')).toContain('committed');
    expect(readdirSync(join(directory, 'agent/records'))).toContain('9.json');
  });
});
