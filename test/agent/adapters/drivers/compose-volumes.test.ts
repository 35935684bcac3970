// Copies of volumes, on a stand-in for docker: whole or not there, refused where they could not be put back, and kept no longer than asked.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesIn } from '../../../../agent/adapters/drivers/compose/engine-volumes.ts';
import { createVolumes } from '../../../../agent/adapters/drivers/compose/volumes.ts';
import type { UnitOf } from '../../../../agent/ports/deploy.ts';
import type { Volumes } from '../../../../agent/ports/volumes.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { composeUnit } from '../../../support/compose-units.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { useFakeDocker } from '../../../support/fake-engine.ts';
import { makeArchive } from '../../../support/image-archive.ts';

const PATH = process.env.PATH;
const DATA = 'fairlead_core_auth_data';

let stateDir: string;
let engine: string;
let unit: UnitOf<'compose'>;
let volumes: Volumes;
const inVolume = (name = 'file') => join(engine, 'volumes', DATA, name);
const kept = (name: string) => join(stateDir, 'snapshots/2/core.auth', name);

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  engine = useFakeDocker(stateDir);
  unit = composeUnit(stateDir, makeArchive(join(stateDir, 'a.tar'), 'a'), 'steady', 'v1');
  unit = { ...unit, snapshot: ['data', 'other'] };
  const { services } = JSON.parse(readFileSync(unit.file, 'utf8'));
  writeFileSync(unit.file, JSON.stringify({ services, volumes: { data: null, other: { name: 'other' } } }));
  mkdirSync(join(engine, 'volumes', DATA), { recursive: true });
  writeFileSync(inVolume(), 'before');
  sizes('12B');
  volumes = createVolumes({ stateDir, runtimeDirectory: join(stateDir, 'runtime') });
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(stateDir, { recursive: true, force: true });
});

function sizes(size: string): void {
  writeFileSync(join(engine, 'sizes'), JSON.stringify([{ Name: DATA, Size: size, Driver: 'local' }]));
}

describe('the copy of a volume', () => {
  it('brings back what was there, and takes away what came since, a volume too', async () => {
    await volumes.save(unit, 2);
    writeFileSync(inVolume(), 'after');
    writeFileSync(inVolume('new'), '');
    mkdirSync(join(engine, 'volumes/other'));

    await volumes.restore(unit, 2);
    await volumes.restore(unit, 2);

    expect([readdirSync(join(engine, 'volumes', DATA)), readFileSync(inVolume(), 'utf8')]).toEqual([
      ['file'],
      'before',
    ]);
    expect(existsSync(join(engine, 'volumes/other'))).toBe(false);
    expect(readFileSync(kept('volumes.json'), 'utf8')).toContain('"of": "compose"');
  });

  it.each([
    ['as its place is seen', true, ['-f']],
    ['with all of the machine where its place is hidden', false, []],
    ['by a program that knows no single place', true, ['-f', 'all']],
  ])('is on the disk before it counts as put back, %s', async (what, isSeen, words) => {
    await volumes.save(unit, 2);
    const place = join(engine, 'volumes', DATA);
    if (isSeen) writeFileSync(join(engine, 'place'), place);
    const refusing = what.includes('no single')
      ? '[ "$1" != -f ] || { echo "usage: sync" >&2; exit 1; }'
      : '';
    const mark = `ls ${kept('restoring')} > /dev/null || exit 1`;
    const sync = join(stateDir, 'engine', 'sync');
    writeFileSync(sync, `#!/bin/sh\n${mark}\necho "\${1-all}" >> ${engine}/synced\n${refusing}\n`, {
      mode: 0o755,
    });

    await volumes.restore(unit, 2);

    const synced = readFileSync(join(engine, 'synced'), 'utf8').trim().split('\n');
    expect(synced).toEqual(words.length === 0 ? ['all'] : words);
    expect(existsSync(kept('restoring'))).toBe(false);
  });

  it('does not count as put back where the disk does not take it', async () => {
    await volumes.save(unit, 2);
    writeFileSync(join(stateDir, 'engine', 'sync'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });

    const failure = await rejectionOf(volumes.restore(unit, 2));

    expect([failure.code, existsSync(kept('restoring'))]).toEqual(['disk/failed', true]);
  });

  it('is not made where nothing could flush it once it is put back', async () => {
    const tools = join(stateDir, 'tools');
    mkdirSync(tools);
    const others = readdirSync('/usr/bin').filter((name) => name !== 'sync');
    for (const name of others) symlinkSync(join('/usr/bin', name), join(tools, name));
    process.env.PATH = `${join(stateDir, 'engine')}:${tools}`;

    const failure = await rejectionOf(volumes.verifyCopyable(unit));

    expect([failure.code, failure.message]).toEqual(['service/no-program', expect.stringContaining('sync')]);
  });

  it('does not count as put back where the name of its place reads like a misused program', async () => {
    await volumes.save(unit, 2);
    const place = join(engine, 'an invalid option, usage: x');
    mkdirSync(place);
    writeFileSync(join(engine, 'place'), place);
    const failing =
      '[ "$1" != -f ] || { echo "sync: error syncing \'$2\': Input/output error" >&2; exit 1; }';
    writeFileSync(join(stateDir, 'engine', 'sync'), `#!/bin/sh\n${failing}\n`, { mode: 0o755 });

    const failure = await rejectionOf(volumes.restore(unit, 2));

    expect([failure.code, existsSync(kept('restoring'))]).toEqual(['disk/failed', true]);
  });

  it('is made anew where one was begun or is there', async () => {
    mkdirSync(kept(''), { recursive: true });
    writeFileSync(kept('0.tar'), 'begun');
    await volumes.save(unit, 2);
    writeFileSync(inVolume(), 'later');

    await volumes.save(unit, 2);
    writeFileSync(inVolume(), 'after');
    await volumes.restore(unit, 2);

    expect(readFileSync(inVolume(), 'utf8')).toBe('later');
  });

  it('is none where it broke off, and what is in the volume stays', async () => {
    writeFileSync(join(engine, 'stuck'), '');

    const failure = await rejectionOf(volumes.save(unit, 2));
    const refusal = await rejectionOf(volumes.restore(unit, 2));

    expect([failure.code, failure.message]).toEqual([
      'service/manager-failed',
      expect.stringContaining('unexpected EOF'),
    ]);
    expect(refusal.code).toBe('deploy/no-snapshot');
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
  });

  it.each<[string, () => void]>([
    ['its list is gone', () => rmSync(kept('volumes.json'))],
    ['a part is gone', () => rmSync(kept('0.tar'))],
    [
      'a part was changed',
      () => writeFileSync(kept('0.tar'), Buffer.alloc(readFileSync(kept('0.tar')).length)),
    ],
    ['a part was cut', () => writeFileSync(kept('0.tar'), 'cut')],
  ])('is not put back where %s, and nothing is taken away for it', async (_, spoil) => {
    await volumes.save(unit, 2);
    spoil();

    const refusals = [
      await rejectionOf(volumes.verifyRestorable(unit, 2)),
      await rejectionOf(volumes.restore(unit, 2)),
    ];

    expect(refusals.map(({ code }) => code)).toEqual(['deploy/no-snapshot', 'deploy/no-snapshot']);
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
  });

  it('is none of what is gone half way: nothing is known to be whole, and the copy stays, until it is', async () => {
    await volumes.save(unit, 2);
    writeFileSync(inVolume(), 'after');
    writeFileSync(join(engine, 'stuck'), '');

    const failure = await rejectionOf(volumes.restore(unit, 2));
    const half = await rejectionOf(volumes.verifyWhole(COMPONENT));
    await volumes.keepOnly(new Map());
    rmSync(join(engine, 'stuck'));
    await volumes.restore(unit, 2);
    await volumes.verifyWhole(COMPONENT);
    await volumes.keepOnly(new Map());

    expect([failure.code, half.code]).toEqual(['service/manager-failed', 'deploy/no-snapshot']);
    expect(half.message).toContain(kept('restoring'));
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
    expect(existsSync(kept(''))).toBe(false);
  });

  it('is not kept from anything by what somebody else put beside it', async () => {
    await volumes.save(unit, 2);
    const beside = join(kept(''), '..', '..');
    writeFileSync(join(beside, '1'), 'a file in the place of a generation');
    mkdirSync(join(beside, 'notes', 'core.auth', 'restoring'), { recursive: true });

    await volumes.verifyWhole(COMPONENT);
    await volumes.keepOnly(new Map());

    expect(readdirSync(beside).sort()).toEqual(['1', 'notes']);
  });

  it('leaves nothing behind of what an image asks for', async () => {
    await volumes.save(unit, 2);
    await volumes.restore(unit, 2);

    const removed = readFileSync(join(engine, 'calls'), 'utf8').match(/^rm .*/gm) ?? [];
    expect(new Set(removed)).toEqual(new Set(['rm --force --volumes fairlead-volumes_core_auth']));
  });

  it('from before there were digests is believed by its size', async () => {
    await volumes.save(unit, 2);
    const list = readFileSync(kept('volumes.json'), 'utf8');
    const earlier = list.replace(/,\s*"digest": "[^"]*"/, '');
    writeFileSync(kept('volumes.json'), earlier);

    await volumes.restore(unit, 2);

    expect(earlier).not.toBe(list);
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
  });

  it('needs room, as much as the engine says of its volumes', async () => {
    await volumes.verifyRoom([unit]);
    sizes('9.3PB');

    const refusal = await rejectionOf(volumes.verifyRoom([unit]));

    expect(refusal.code).toBe('disk/full');
  });

  it('needs room beside those that are made with it', async () => {
    const { bavail, bsize } = statfsSync(stateDir);
    sizes(`${Math.round(bavail * bsize * 0.6)}B`);
    await volumes.verifyRoom([unit]);

    const refusal = await rejectionOf(volumes.verifyRoom([unit, unit]));

    expect(refusal.code).toBe('disk/full');
  });

  it('is made without what nothing mounts that starts, which is named', async () => {
    const lacking = { ...unit, snapshot: ['constructor', 'data', 'debug'] };

    const unmounted = await volumes.verifyCopyable(lacking);
    await volumes.save(lacking, 2);
    writeFileSync(inVolume(), 'after');
    await volumes.restore(lacking, 2);

    expect(unmounted).toEqual(['constructor', 'debug']);
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
  });

  it('is an empty one, for which nothing is needed, where nothing mounts any of them', async () => {
    writeFileSync(join(engine, 'podman'), '');
    rmSync(join(engine, 'sizes'));
    const idle = { ...unit, snapshot: ['debug'] };

    const unmounted = await volumes.verifyCopyable(idle);
    await volumes.verifyRoom([idle]);
    await volumes.save(idle, 2);
    await volumes.restore(idle, 2);

    expect(unmounted).toEqual(['debug']);
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
  });

  it('is refused where the engine would not keep owners', async () => {
    writeFileSync(join(engine, 'podman'), '');

    expect((await rejectionOf(volumes.verifyCopyable(unit))).message).toContain('Podman');
  });

  it('is not put back, and nothing is taken away for it, where the engine would not keep owners by now', async () => {
    const one = { ...unit, snapshot: ['data'] };
    await volumes.save(one, 2);
    writeFileSync(inVolume(), 'after');
    writeFileSync(join(engine, 'podman'), '');

    const refusals = [
      await rejectionOf(volumes.verifyRestorable(one, 2)),
      await rejectionOf(volumes.restore(one, 2)),
    ];

    for (const { message } of refusals) expect(message).toContain('Podman');
    expect(readFileSync(inVolume(), 'utf8')).toBe('after');
    expect(readFileSync(join(engine, 'calls'), 'utf8')).not.toMatch(/^volume (rm|create)/m);
  });

  it('is of the engine’s own volumes alone', async () => {
    writeFileSync(join(engine, 'driver'), 'nfs');

    expect((await rejectionOf(volumes.verifyCopyable(unit))).message).toContain('cannot be put back');
  });

  it('is not made, and nothing is taken away for it, where somebody else has the volume mounted by now', async () => {
    await volumes.save(unit, 2);
    writeFileSync(join(engine, 'strangers'), 'backup elsewhere\n');

    const refusals = [
      await rejectionOf(volumes.verifyRestorable(unit, 2)),
      await rejectionOf(volumes.restore(unit, 2)),
      await rejectionOf(volumes.save(unit, 3)),
    ];

    for (const { message } of refusals) expect(message).toContain('the container backup has the volume');
    expect(readFileSync(inVolume(), 'utf8')).toBe('before');
    expect(existsSync(join(stateDir, 'snapshots/3/core.auth/volumes.json'))).toBe(false);
  });

  it('takes what a killed agent left of it along when it goes', async () => {
    mkdirSync(kept(''), { recursive: true });

    await volumes.keepOnly(new Map());

    expect(readFileSync(join(engine, 'calls'), 'utf8')).toContain(
      'rm --force --volumes fairlead-volumes_core_auth\n',
    );
  });

  it('goes with the generation that it leads back from', async () => {
    await volumes.save(unit, 2);
    await volumes.save(unit, 3);

    await volumes.keepOnly(new Map([[COMPONENT, [3]]]));

    expect(readdirSync(join(stateDir, 'snapshots'))).toEqual(['3']);
  });

  it('goes though that of another component under the same number stays', async () => {
    await volumes.save(unit, 2);
    const other = 'core/other' as ComponentKey;
    mkdirSync(join(stateDir, 'snapshots/2/core.other'));

    await volumes.keepOnly(new Map([[other, [2]]]));

    expect(readdirSync(join(stateDir, 'snapshots/2'))).toEqual(['core.other']);
  });

  it('stays with all that are newer where asked', async () => {
    for (const generation of [2, 3, 4]) await volumes.save(unit, generation);

    await volumes.keepOnly(new Map(), 3);

    expect(readdirSync(join(stateDir, 'snapshots'))).toEqual(['3', '4']);
  });
});

it.each([
  ['0B', 0],
  ['12B', 13],
  ['1.234kB', 1236],
  ['2GB', 2_002_000_000],
  ['N/A', 0],
])('reads the size %s', (text, bytes) => {
  expect(bytesIn(text)).toBe(bytes);
});
