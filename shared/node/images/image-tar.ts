// An archive of one image out of its blobs, piece by piece: what every engine loads, whichever store it keeps its images in.
import { createReadStream } from 'node:fs';
import type { Digest } from '../../encoding/digest.ts';
import { digestOf } from '../../encoding/digest.ts';
import { blobPath } from '../../schema/drivers/images.ts';
import {
  type Blob,
  dockerManifest,
  LAYOUT_BYTES,
  LAYOUT_FILE,
  layoutIndex,
  plainManifest,
} from '../../schema/image-documents.ts';
import type { PlainImage } from './image-layout.ts';

const BLOCK = 512;
const PIECE_BYTES = 1 << 20;
/** What eleven octal digits hold. */
const MOST_OCTAL = 8 ** 11 - 1;

type ImageBlobs = Pick<PlainImage, 'config' | 'layers'>;

/** Its id in a store that goes by manifests. */
export function manifestDigest({ config, layers }: ImageBlobs): Digest {
  return digestOf(plainManifest(blobOf(config), layers));
}

/** `pathOf` says where the file of a layer is. Throws errors of the system, and where a file is not as long as it should be. */
export async function* imageTar(
  image: ImageBlobs,
  pathOf: (layer: Digest) => string,
): AsyncGenerator<Uint8Array> {
  const { config, layers } = image;
  const own = blobOf(config);
  const manifest = plainManifest(own, layers);
  yield* member(LAYOUT_FILE, LAYOUT_BYTES);
  yield* member('index.json', layoutIndex([{ bytes: manifest }]));
  yield* member(
    'manifest.json',
    dockerManifest(
      own.digest,
      layers.map(({ digest }) => digest),
    ),
  );
  yield* member(blobPath(digestOf(manifest)), manifest);
  yield* member(blobPath(own.digest), config);
  for (const { digest, size } of new Map(layers.map((layer) => [layer.digest, layer])).values()) {
    yield header(blobPath(digest), size);
    yield* content(pathOf(digest), size);
    yield padding(size);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function blobOf(bytes: Uint8Array): Blob {
  return { digest: digestOf(bytes), size: bytes.length };
}

function* member(name: string, bytes: Uint8Array): Generator<Uint8Array> {
  yield header(name, bytes.length);
  yield bytes;
  yield padding(bytes.length);
}

async function* content(path: string, size: number): AsyncGenerator<Uint8Array> {
  let left = size;
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    left -= (piece as Buffer).length;
    if (left < 0) break;
    yield piece as Buffer;
  }
  if (left !== 0) throw new Error(`${path} is no longer as long as it was`);
}

function padding(size: number): Uint8Array {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** POSIX.1-1988 ustar, with nothing in it of the machine or the moment. */
function header(name: string, size: number): Uint8Array {
  const bytes = Buffer.alloc(BLOCK);
  bytes.write(name, 0, 'latin1');
  bytes.write('0000644\0', 100);
  bytes.write('0000000\0', 108);
  bytes.write('0000000\0', 116);
  if (size <= MOST_OCTAL) {
    bytes.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  } else {
    bytes[124] = 0x80;
    bytes.writeBigUInt64BE(BigInt(size), 128);
  }
  bytes.write('00000000000\0', 136);
  bytes.write('        ', 148);
  bytes.write('0', 156);
  bytes.write('ustar\u000000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}
