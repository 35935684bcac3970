// Images in an engine that others use too: what the agent loaded goes when nothing needs it, and what it found there stays.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bytesToFetch } from '../../../../agent/adapters/drivers/compose/fetch-referred.ts';
import { createImages } from '../../../../agent/adapters/drivers/compose/images.ts';
import { createPulledImages } from '../../../../agent/adapters/drivers/compose/pulled-images.ts';
import { type Digest, digestOf } from '../../../../shared/encoding/digest.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import { composeUnit } from '../../../support/compose-units.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { makeArchive, makeLayout } from '../../../support/image-archive.ts';

const FAKE = new URL('../../../support/fake-docker', import.meta.url).pathname;
const OTHER = 'core/other' as ComponentKey;

function setUp() {
  const directory = temporaryDirectory();
  const engine = join(directory, 'engine/state');
  mkdirSync(join(engine, 'images'), { recursive: true });
  copyFileSync(FAKE, join(directory, 'engine/docker'));
  const before = process.env.PATH;
  process.env.PATH = `${join(directory, 'engine')}:${before}`;
  onTestFinished(() => {
    process.env.PATH = before;
  });
  const image = makeArchive(join(directory, 'image.tar'), 'an image');
  const unit = composeUnit(directory, { archive: image.archive, digest: image.digest }, 'steady', 'v1');
  return {
    directory,
    image,
    unit,
    other: { ...unit, component: OTHER },
    images: createImages(join(directory, 'run'), createPulledImages(join(directory, 'images'))),
    engine,
    /** As somebody else's `docker load` or `pull` does. */
    put: (id: string) => writeFileSync(join(engine, 'images', id), `${digestOf(Buffer.from('an image'))} `),
    held: () => readdirSync(join(engine, 'images')),
  };
}

describe('an image in the engine', () => {
  it('that was there before is used, and never removed', async () => {
    const { images, unit, image, put, held } = setUp();
    put(image.digest);

    await images.provide(unit);
    await images.keepOnly(COMPONENT, []);

    expect(held()).toEqual([image.digest]);
  });

  it('that the agent loaded for another component goes with the last that has it', async () => {
    const { images, unit, other, held } = setUp();

    await images.provide(unit);
    await images.provide(other);
    await images.provide(unit);
    await images.keepOnly(OTHER, []);

    expect(held()).toEqual([]);
  });

  it('from a registry is loaded only where the engine’s disk has room for its layers', async () => {
    const { unit, directory } = setUp();
    const { layout, digest } = makeLayout(join(directory, 'images'), 'large');
    // A hole of eight terabytes.
    truncateSync(join(layout, blobPath(digestOf(Buffer.from('large')))), 2 ** 43);
    const have = async () => ({ layout, digest: digest as Digest });
    const pulled = { ...createPulledImages(layout), have };
    const referred = { ref: `registry.example.com/auth@${digest}`, digest };

    const refusal = await rejectionOf(
      createImages(join(directory, 'run'), pulled).provide({ ...unit, images: [referred] }),
    );

    expect(refusal).toMatchObject({ code: 'disk/full', data: { needed: 2 ** 43 } });
  });

  it('from a registry needs room packed, unpacked, and once more where the engine shares the disk', () => {
    expect(bytesToFetch([100, 40], false)).toBe(100 + 3 * 140);
    expect(bytesToFetch([100, 40], true)).toBe(100 + 6 * 140);
    expect(bytesToFetch([], true)).toBe(0);
  });

  it.each(['config', 'manifest'])('whose load was broken off goes by its %s', async (name) => {
    const { images, unit, image, engine, put, held } = setUp();
    writeFileSync(join(engine, 'full'), '');
    await rejectionOf(images.provide(unit));
    rmSync(join(engine, 'full'));
    put(name === 'config' ? image.digest : image.manifest);

    await images.keepOnly(COMPONENT, []);

    expect(held()).toEqual([]);
  });

  it('that is taken up again after a load was broken off is still the agent’s', async () => {
    const { images, unit, image, engine, put } = setUp();
    writeFileSync(join(engine, 'full'), '');
    await rejectionOf(images.provide(unit));
    put(image.digest);

    await images.provide(unit);
    await images.keepOnly(COMPONENT, []);

    expect(existsSync(join(engine, 'images', image.digest))).toBe(false);
  });
});
