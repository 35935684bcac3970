// The local policy on disk: never guessed, never switched on by damage.
import { lstatSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPolicy, createSettings } from '../../../../agent/adapters/state/settings.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { InstanceConfig } from '../../../../shared/schema/instance.ts';
import type { PinVersion } from '../../../../shared/schema/pin.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';

async function prepared() {
  const stateDir = temporaryDirectory();
  await createPolicy(stateDir);
  const settings = createSettings(stateDir, join(stateDir, 'instance.json'));
  return { stateDir, settings, path: join(stateDir, 'settings.json') };
}

/** Begins anew where there is nothing. */
const onChannel = (channel: 'auto' | 'manual' | 'frozen') => (known: Policy | null) => ({
  ...(known ?? DEFAULT_POLICY),
  channel,
});

async function channelOf(settings: ReturnType<typeof createSettings>): Promise<string> {
  const policy = await settings.policy();
  return policy.kind === 'readable' ? policy.policy.channel : policy.kind;
}

const unrecorded = async () => undefined;

describe('the policy', () => {
  it('starts on auto and follows the channel that is set', async () => {
    const { settings, path } = await prepared();
    expect(await channelOf(settings)).toBe('auto');

    await settings.edit(onChannel('frozen'), unrecorded);

    expect(await channelOf(settings)).toBe('frozen');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps everything else when the channel changes', async () => {
    const { settings, path } = await prepared();
    const edited = { ...JSON.parse(readFileSync(path, 'utf8')), soak: 'PT42S' };
    writeFileSync(path, JSON.stringify(edited));

    await settings.edit(onChannel('manual'), unrecorded);

    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ ...edited, channel: 'manual' });
  });

  it('counts an edit by hand at once', async () => {
    const { settings, path } = await prepared();
    writeFileSync(path, JSON.stringify({ schema: 'fairlead/policy@1', channel: 'manual' }));

    expect(await channelOf(settings)).toBe('manual');
  });

  it.each([
    ['is missing', null],
    ['is empty', ''],
    ['is not JSON', '{"channel":'],
    ['has an unknown key', '{"schema":"fairlead/policy@1","chanel":"frozen"}'],
    ['names no channel there is', '{"schema":"fairlead/policy@1","channel":"Auto"}'],
    ['says the same thing twice', '{"schema":"fairlead/policy@1","channel":"frozen","channel":"auto"}'],
  ])('is unreadable when the file %s', async (_what, content) => {
    const { settings, path } = await prepared();
    if (content === null) rmSync(path);
    else writeFileSync(path, content);

    expect(await channelOf(settings)).toBe('unreadable');
  });

  it('loses no change when several come at once', async () => {
    const { settings } = await prepared();
    const pinned = (name: string) => (known: Policy | null) => ({
      ...(known ?? DEFAULT_POLICY),
      pins: [
        ...(known?.pins ?? []),
        { level: 'suite' as const, name, version: '1.x' as PinVersion, owner: 'alice', reason: 'x' },
      ],
    });

    await Promise.all(['a', 'b', 'c', 'd'].map((name) => settings.edit(pinned(name), unrecorded)));

    expect(await settings.policy()).toMatchObject({
      policy: { pins: ['a', 'b', 'c', 'd'].map((name) => ({ name })) },
    });
  });

  it('is not overwritten while it is damaged: it may hold pins and windows', async () => {
    const { settings, path } = await prepared();
    writeFileSync(path, '{"pins":[');

    const refusal = await rejectionOf(settings.edit(onChannel('auto'), unrecorded));

    expect(refusal.code).toBe('policy/unreadable');
    expect(readFileSync(path, 'utf8')).toBe('{"pins":[');
  });

  it('is recorded as part of the edit: only what nothing stands against, before it is on disk', async () => {
    const { settings, path } = await prepared();
    const before = readFileSync(path, 'utf8');
    const seen: unknown[] = [];
    const record = async (from: Policy | null, to: Policy) => {
      seen.push([from?.channel, to.channel, readFileSync(path, 'utf8') === before]);
    };

    await settings.edit(onChannel('frozen'), record);
    writeFileSync(path, '{');
    await rejectionOf(settings.edit(onChannel('auto'), record));

    expect(seen).toEqual([['auto', 'frozen', true]]);
  });

  it('is not written where the record refuses it', async () => {
    const { settings } = await prepared();
    const refuse = () => Promise.reject(new FairleadError('disk/full', { path: 'log', needed: 1, free: 0 }));

    expect((await rejectionOf(settings.edit(onChannel('frozen'), refuse))).code).toBe('disk/full');
    expect(await channelOf(settings)).toBe('auto');
  });

  it('is begun anew by naming a channel once it is gone', async () => {
    const { settings, path } = await prepared();
    rmSync(path);

    await settings.edit(onChannel('manual'), unrecorded);

    expect(await channelOf(settings)).toBe('manual');
  });
});

describe('the instance configuration', () => {
  it('is the default one until somebody writes it', async () => {
    const { settings } = await prepared();

    expect((await settings.config()).suites).toEqual({ '*': { enabled: true, capabilities: {} } });
  });

  it('is refused with the field named when it is wrong', async () => {
    const { settings, stateDir } = await prepared();
    writeFileSync(
      join(stateDir, 'instance.json'),
      JSON.stringify({ schema: 'fairlead/instance@1', suites: {}, trak: 'stable' }),
    );

    const refusal = await rejectionOf(settings.config());

    expect(refusal.code).toBe('document/invalid');
    expect(refusal.message).toContain('trak');
  });

  describe('edited through the agent', () => {
    const onTrack = (track: string) => (known: InstanceConfig) => ({ ...known, track });
    const WRITTEN = { schema: 'fairlead/instance@1', track: 'beta', suites: { core: { capabilities: {} } } };

    it('is on disk, with all else as it was, and on the record first', async () => {
      const { settings, stateDir } = await prepared();
      const path = join(stateDir, 'instance.json');
      writeFileSync(path, JSON.stringify(WRITTEN));
      const seen: unknown[] = [];

      await settings.editConfig(onTrack('stable'), async (from, to) => {
        seen.push(from.track, to.track, JSON.parse(readFileSync(path, 'utf8')).track);
      });

      expect(seen).toEqual(['beta', 'stable', 'beta']);
      expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ ...WRITTEN, track: 'stable' });
      expect((await settings.config()).suites).toEqual({ core: { enabled: true, capabilities: {} } });
    });

    it('begins with what counts while there is no file: everything stays enabled', async () => {
      const { settings, stateDir } = await prepared();
      const before = await settings.config();

      await settings.editConfig(onTrack('beta'), unrecorded);

      expect(await settings.config()).toEqual({ ...before, track: 'beta' });
      expect(statSync(join(stateDir, 'instance.json')).mode & 0o777).toBe(0o600);
    });

    it('stays the link that it was, and as readable as it was', async () => {
      const { settings, stateDir } = await prepared();
      const kept = join(stateDir, 'kept.json');
      writeFileSync(kept, JSON.stringify(WRITTEN), { mode: 0o640 });
      symlinkSync(kept, join(stateDir, 'instance.json'));

      await settings.editConfig(onTrack('stable'), unrecorded);

      expect(lstatSync(join(stateDir, 'instance.json')).isSymbolicLink()).toBe(true);
      expect(JSON.parse(readFileSync(kept, 'utf8')).track).toBe('stable');
      expect(statSync(kept).mode & 0o777).toBe(0o640);
    });

    it.each([
      ['that cannot be read', '{"schema":', onTrack('stable'), unrecorded],
      ['to one that is none', JSON.stringify(WRITTEN), onTrack('No Name'), unrecorded],
      [
        'that the record refuses',
        JSON.stringify(WRITTEN),
        onTrack('stable'),
        () => Promise.reject(new FairleadError('disk/full', { path: 'audit', needed: 1, free: 0 })),
      ],
    ])('is not written over: %s', async (_what, text, change, record) => {
      const { settings, stateDir } = await prepared();
      const path = join(stateDir, 'instance.json');
      writeFileSync(path, text);

      await rejectionOf(settings.editConfig(change, record));

      expect(readFileSync(path, 'utf8')).toBe(text);
    });

    it('loses no change when several come at once', async () => {
      const { settings } = await prepared();
      const named = (name: string) => (known: InstanceConfig) => ({
        ...known,
        suites: { ...known.suites, [name]: { enabled: true, capabilities: {} } },
      });

      await Promise.all(['a', 'b', 'c'].map((name) => settings.editConfig(named(name), unrecorded)));

      expect(Object.keys((await settings.config()).suites)).toEqual(['*', 'a', 'b', 'c']);
    });
  });
});
