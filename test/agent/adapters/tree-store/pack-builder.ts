// Builds packs section by section, so that a test can lie in any of them.
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { type Digest, digestOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject, JsonValue } from '../../../../shared/encoding/json.ts';
import type { TreeRef } from '../../../../shared/schema/release.ts';
import { PACK_MAGIC } from '../../../../shared/tree/pack-format.ts';

export interface Section {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A pack before it is bytes. Every field may be a lie. */
export interface PackDraft {
  readonly ref: TreeRef;
  readonly indexBytes: Uint8Array;
  readonly header: JsonObject;
  readonly units: readonly UnitDraft[];
}

export interface UnitDraft {
  readonly description: JsonObject;
  readonly packed: Uint8Array;
}

/** Files of the sample by path; `cut` stands in three units, `copy` has the content of `text`. */
const CONTENTS: Readonly<Record<string, string>> = {
  'bin/run': '#!/bin/sh\nexec node server.js\n',
  copy: 'one text, two files\n',
  cut: 'abcdefghijklmnopqrstuvwxyz'.repeat(40),
  empty: '',
  text: 'one text, two files\n',
};

export function entryOf(path: string, content = CONTENTS[path] ?? '', more: JsonObject = {}): JsonObject {
  const { size, digest } = { size: Buffer.byteLength(content), digest: digestOf(utf8(content)) };
  return { kind: 'file', path, mode: path.startsWith('bin/') ? 0o755 : 0o644, size, digest, ...more };
}

export const SAMPLE_ENTRIES: readonly JsonObject[] = [
  entryOf('bin/run'),
  entryOf('copy'),
  entryOf('cut'),
  entryOf('empty'),
  { kind: 'directory', path: 'logs' },
  { kind: 'link', path: 'run', target: 'bin/run' },
  entryOf('text'),
];

/** An honest pack of the sample, or of other entries: the vendor's signature is over them, whatever they are. */
export function draftPack(entries: readonly JsonValue[] = SAMPLE_ENTRIES): PackDraft {
  const indexBytes = canonicalize({ schema: 'fairlead/tree@1', entries });
  const sizes = entries
    .map((entry) => Number((entry as { size?: number } | null)?.size))
    .filter((n) => n >= 0);
  const ref = {
    digest: digestOf(indexBytes),
    files: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
  const cut = CONTENTS.cut ?? '';
  const units = [
    unitOf([0, 1, 3], 0, `${CONTENTS['bin/run']}${CONTENTS.copy}`),
    unitOf([2], 0, cut.slice(0, 400)),
    unitOf([2], 400, cut.slice(400, 800)),
    unitOf([2], 800, cut.slice(800)),
  ];
  return { ref, indexBytes, header: headerOf(ref.digest, indexBytes, units.length), units };
}

export function headerOf(tree: Digest, indexBytes: Uint8Array, units: number): JsonObject {
  return { tree, base: null, index: { packed: compress(indexBytes).length, raw: indexBytes.length }, units };
}

export function unitOf(files: readonly number[], offset: number, content: string | Uint8Array): UnitDraft {
  const raw = typeof content === 'string' ? utf8(content) : content;
  const packed = compress(raw);
  return { description: { files, offset, raw: raw.length, packed: packed.length }, packed };
}

export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [zlib.ZSTD_c_compressionLevel]: 1 } });
}

const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** RFC 8878 §3.1: one raw block, in a frame that asks its reader for a window of 128 MiB. */
export function compressWithHugeWindow(bytes: Uint8Array): Uint8Array {
  const blockHeader = (bytes.length << 3) | 1;
  const head = [...ZSTD_MAGIC, 0, (27 - 10) << 3, blockHeader & 0xff, (blockHeader >> 8) & 0xff, 0];
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** RFC 8878 §3.1.1.2: blocks of 128 KiB, four bytes each. */
export function zstdBomb(gibibytes: number): Uint8Array {
  const blocks = Array.from({ length: gibibytes * 8192 }, () => [0x02, 0x00, 0x10, 0]);
  const last = [0x03, 0x00, 0x10, 0];
  return Buffer.from([...ZSTD_MAGIC, 0, (23 - 10) << 3, ...blocks.flat(), ...last]);
}

export function sectionsOf({ header, indexBytes, units }: PackDraft): readonly Section[] {
  return [
    { name: 'magic', bytes: PACK_MAGIC },
    ...frameSections('header', header),
    { name: 'index', bytes: compress(indexBytes) },
    ...units.flatMap((unit, i) => [
      ...frameSections(`unit ${i}`, unit.description),
      { name: `unit ${i} data`, bytes: unit.packed },
    ]),
  ];
}

export function join(sections: readonly Section[]): Buffer {
  return Buffer.concat(sections.map(({ bytes }) => bytes));
}

export function frameSections(name: string, value: JsonObject): readonly Section[] {
  const json = canonicalize(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return [
    { name: `${name} length`, bytes: length },
    { name, bytes: json },
  ];
}
