// Images that are laid out for a build: what the machine refuses meanwhile is no fault of theirs.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { layOutImages } from '../../../../server/vendor/workspace/images.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { blobPath } from '../../../../shared/schema/drivers/images.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { tarOf } from '../../../support/image-archive.ts';
import { imageOf, newDocker } from '../../../support/image-forms.ts';

const IMAGE = imageOf(['one layer']);
const LAYER = blobPath(digestOf(IMAGE.layers[0] as Buffer));

function layOut(scratch: string, bytes = tarOf(newDocker(IMAGE))) {
  const source = join(temporaryDirectory(), 'db.tar');
  writeFileSync(source, bytes);
  return layOutFrom(source, scratch);
}

function layOutFrom(source: string, scratch: string) {
  const session = { environment: {}, out: { progress: () => undefined } } as never;
  const how = { platform: 'linux/amd64', embed: true };
  return layOutImages([{ name: 'db', source }], how, scratch, session);
}

it('are refused for what is wrong with them', async () => {
  const refused = { code: 'vendor/image-refused', data: { problem: 'it is no tar archive' } };

  await expect(layOut(temporaryDirectory(), Buffer.alloc(600, 'x'))).rejects.toMatchObject(refused);
});

it('are not refused where the disk is full, which is said as such', async () => {
  const scratch = temporaryDirectory();
  mkdirSync(join(scratch, 'images/blobs/sha256'), { recursive: true });
  symlinkSync('/dev/full', join(scratch, 'images', `${LAYER}.tmp`));

  await expect(layOut(scratch)).rejects.toMatchObject({ code: 'disk/full', data: { path: scratch } });
});

it('are not refused where a file cannot be made, which is said of that file', async () => {
  const scratch = temporaryDirectory();
  const taken = join(scratch, 'images', LAYER);
  mkdirSync(`${taken}.tmp`, { recursive: true });

  await expect(layOut(scratch)).rejects.toMatchObject({
    ...{ code: 'disk/failed', data: { path: `${taken}.tmp`, problem: 'EISDIR' } },
  });
});

it('are refused by their own name where the archive cannot be read', async () => {
  // A regular file, which opens, and whose first byte nobody can read.
  const source = '/proc/self/mem';

  await expect(layOutFrom(source, temporaryDirectory())).rejects.toMatchObject({
    ...{ code: 'vendor/image-refused', data: { source, problem: 'EIO' } },
  });
});
