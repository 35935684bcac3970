// Two copies of a workspace that sign apart: the second is refused, and what it signed is not taken for published.
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVendor, openAndBuild, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
const place = (name: string) => join(vendor.directory, name);

beforeAll(async () => {
  vendor = await createVendor('--quorum', 'releases=2/3');
  await cp(place('workspace'), place('saved'), { recursive: true });
});
afterAll(() => vendor.close());

/** The other copy, from before the first one published anything more. */
async function changeCopies(): Promise<void> {
  await rm(place('first'), { recursive: true, force: true });
  await rename(place('workspace'), place('first'));
  await cp(place('saved'), place('workspace'), { recursive: true });
}

const published = () => [...vendor.server.files.keys()].filter((path) => path.startsWith('targets/'));

describe('a version that another copy gave to something else', () => {
  beforeAll(async () => {
    await vendor.release('core/auth@1.0.0');
    await changeCopies();
    const id = await openAndBuild(vendor, 'core/auth@1.0.1');
    await vendor.json('verify', id);
    await vendor.run('release', id, '--no-publish');
  });

  it('is refused with the same number', async () => {
    const before = published();

    expect(await vendor.refusal('publish')).toBe('vendor/signed-apart');
    expect(published()).toEqual(before);
    expect(vendor.server.changes.get('CHG-1')).toMatchObject({ version: '1.0.0' });
  });

  it('is refused with a later one', async () => {
    const before = vendor.server.publications();
    const id = await openAndBuild(vendor, 'core/auth@1.0.2');
    await vendor.json('verify', id);

    expect(await vendor.refusal('release', id)).toBe('vendor/signed-apart');
    expect(vendor.server.publications()).toBe(before);
  });
});

const newest = () =>
  [...vendor.server.files.keys()]
    .filter((path) => path.endsWith('.releases.json'))
    .sort()
    .at(-1) ?? '';

it.each(['', '{', '[]', '{"signed":{},"signatures":1}'])(
  'refuses %j in the place of what the server lists',
  async (text) => {
    const name = newest();
    const before = vendor.server.files.get(name) ?? Buffer.of();
    vendor.server.files.set(name, Buffer.from(text));

    expect(await vendor.refusal('publish')).toBe('trust/malformed');
    vendor.server.files.set(name, before);
  },
);

it('takes other signatures over the same for the same', async () => {
  const name = newest();
  await rm(place('workspace'), { recursive: true });
  await rename(place('first'), place('workspace'));
  const { signatures, signed } = JSON.parse(Buffer.from(vendor.server.files.get(name) ?? []).toString());
  const other = Buffer.from(`${JSON.stringify({ signatures: signatures.slice(1), signed })}\n`);
  vendor.server.files.set(name, other);

  expect(await vendor.json('publish')).toMatchObject({ published: { metadata: 0 } });
});
