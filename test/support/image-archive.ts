// Archives as `docker save` writes them, made of a few bytes: the same image with or without a manifest of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../shared/encoding/digest.ts';
import { blobPath } from '../../shared/schema/drivers/images.ts';

export interface MadeArchive {
  readonly archive: string;
  /** Of its configuration: the id in Docker's own store. */
  readonly digest: string;
  /** The id in containerd's store. */
  readonly manifest: string;
}

/** `content` makes one image different from another. */
export function makeArchive(
  archive: string,
  content: string,
  shape: 'both' | 'old' | 'oci' | 'gzip' = 'both',
  platform: object = {},
): MadeArchive {
  const layer = Buffer.from(content);
  const config = Buffer.from(
    JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }),
  );
  const digest = digestOf(config);
  const manifest = Buffer.from(JSON.stringify({ config: { digest }, layers: [{ digest: digestOf(layer) }] }));
  const blob = (bytes: Buffer) => blobPath(digestOf(bytes));
  const list = [{ Config: blob(config), RepoTags: null, Layers: [blob(layer)] }];
  const files: [string, Buffer][] = [
    [blob(layer), layer],
    [blob(config), config],
  ];
  const index = { manifests: [{ digest: digestOf(manifest) }] };
  if (shape !== 'old') {
    files.push([blob(manifest), manifest], ['index.json', Buffer.from(JSON.stringify(index))]);
  }
  if (shape !== 'oci') files.push(['manifest.json', Buffer.from(JSON.stringify(list))]);
  const tar = tarOf(files);
  writeFileSync(archive, shape === 'gzip' ? gzipSync(tar) : tar);
  return { archive, digest, manifest: digestOf(manifest) };
}

/** The same image as the files of a layout, which it is laid beside others in. */
export function makeLayout(
  layout: string,
  content: string,
  platform: object = {},
): { readonly layout: string; readonly digest: string } {
  const layer = Buffer.from(content);
  const config = Buffer.from(
    JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }),
  );
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  for (const bytes of [layer, config]) writeFileSync(join(layout, blobPath(digestOf(bytes))), bytes);
  return { layout, digest: digestOf(config) };
}

/** An archive of one layer that engines run, as `docker save` writes it since version 25: for either store. */
export function savedImage(archive: string, layer: Buffer): MadeArchive {
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: { Env: ['PATH=/bin'] },
      history: [{ created: '2026-01-01T00:00:00Z', created_by: 'import' }],
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    }),
  );
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: described('config.v1+json', config),
      layers: [described('layer.v1.tar', layer)],
    }),
  );
  const blob = (bytes: Buffer) => blobPath(digestOf(bytes));
  const index = { schemaVersion: 2, manifests: [described('manifest.v1+json', manifest)] };
  const list = [{ Config: blob(config), RepoTags: null, Layers: [blob(layer)] }];
  const files: [string, Buffer][] = [
    ...[config, layer, manifest].map((bytes): [string, Buffer] => [blob(bytes), bytes]),
    ['index.json', Buffer.from(JSON.stringify(index))],
    ['manifest.json', Buffer.from(JSON.stringify(list))],
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
  ];
  writeFileSync(archive, tarOf(files));
  return { archive, digest: digestOf(config), manifest: digestOf(manifest) };
}

export function tarOf(files: readonly (readonly [name: string, bytes: Buffer])[]): Buffer {
  const parts = files.flatMap(([name, bytes]) => [
    headerOf(name, bytes.length),
    bytes,
    Buffer.alloc((512 - (bytes.length % 512)) % 512),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function headerOf(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
