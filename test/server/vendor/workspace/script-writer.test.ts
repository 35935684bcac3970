// A script makes the new bytes of the old ones, whatever both are, and is short where only addresses moved.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignFiles } from '../../../../server/vendor/workspace/machine-code.ts';
import { scriptedBytes } from '../../../../server/vendor/workspace/patch-scripts.ts';
import { writeScripts } from '../../../../server/vendor/workspace/script-writer.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import {
  createMovers,
  type FileScript,
  parseScripts,
  runScript,
  stepsWithin,
} from '../../../../shared/tree/patch-script.ts';
import { createTreeIndex } from '../../../../shared/tree/tree-rules.ts';
import { compressed } from '../../../agent/adapters/tree-store/patch-builder.ts';
import { patternedBytes } from '../../../support/directories.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(900), fc.nat(300)), { maxLength: 8 })
    .map((runs) =>
      Buffer.concat(runs.map(([seed, skip, length]) => patternedBytes(skip + length, seed).subarray(skip))),
    ),
  fc.nat(2_000).map((length) => Buffer.alloc(length)),
);

/** Calls, five bytes each among others, to addresses that a release moved by as much. */
function codeAt(start: number): Buffer {
  const code = Buffer.from(patternedBytes(100_000, 'code'));
  for (let at = 0; at + 8 < code.length; at += 37) code.writeUInt32LE(start + ((at * 7919) % 65_536), at + 1);
  return code;
}

const HEADER_END = 64 + 56 + 64 * 5;
const BASE_ADDRESS = 0x40_0000;
/** Another address than in the file, as linkers choose it. */
const TABLE_SHIFT = 0x1000;

/** Functions that call one another, and a table of their addresses; more functions in the middle make half of them move. */
function programOf(more: number, functions = 2_000): Buffer {
  const names = Array.from({ length: functions + more }, (_, i) => i);
  // Those that are new come last in the table, and stand in the middle of the code.
  names.splice(functions / 2, 0, ...names.splice(functions));
  const bodies = names.map((name) => Buffer.from(patternedBytes(48 + (name % 5) * 16, `body ${name}`)));
  const places = new Map<number, number>();
  let codeEnd = HEADER_END;
  for (const [i, name] of names.entries()) {
    places.set(name, codeEnd);
    codeEnd += (bodies[i] as Buffer).length;
  }
  const placeOf = (name: number) => places.get(name) ?? 0;
  for (const [i, name] of names.entries()) {
    const body = bodies[i] as Buffer;
    for (let call = 8; call + 5 <= body.length; call += 20) {
      body[call] = 0xe8;
      const callee = (name * 31 + call * 7) % functions;
      body.writeInt32LE(placeOf(callee) - (placeOf(name) + call + 5), call + 1);
    }
  }
  const table = Buffer.alloc(names.length * 8);
  for (const name of names) table.writeUInt32LE(BASE_ADDRESS + placeOf(name), name * 8);
  const size = codeEnd + table.length;
  return Buffer.concat([headersOf(codeEnd, size), ...bodies, table]);
}

/** One segment with all; sections: none, code, table, and names that nobody gave. */
function headersOf(codeEnd: number, size: number): Buffer {
  const header = Buffer.alloc(HEADER_END);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  header.writeBigUInt64LE(64n, 32);
  header.writeBigUInt64LE(120n, 40);
  header.writeUInt16LE(1, 56);
  header.writeUInt16LE(3, 60);
  header.writeUInt32LE(1, 64);
  for (const [at, value] of [
    [80, BASE_ADDRESS],
    [96, size],
    [104, size + TABLE_SHIFT],
  ] as const) {
    header.writeBigUInt64LE(BigInt(value), at);
  }
  const section = (i: number, flags: number, start: number, length: number) => {
    const at = 120 + i * 64;
    header.writeUInt32LE(1, at + 4);
    header.writeUInt32LE(flags, at + 8);
    header.writeBigUInt64LE(BigInt(start), at + 24);
    header.writeBigUInt64LE(BigInt(length), at + 32);
  };
  section(1, 4, HEADER_END, codeEnd - HEADER_END);
  section(2, 2, codeEnd, size - codeEnd);
  return header;
}

/** As it comes out of a patch. */
function scriptOf(old: Uint8Array, next: Uint8Array): FileScript {
  const treeOf = (content: Uint8Array) =>
    createTreeIndex([
      { kind: 'file', path: 'a', mode: 0o755, size: content.length, digest: digestOf(content) },
    ]);
  const [from, to] = [treeOf(old), treeOf(next)];
  const { runs, addresses } = alignFiles(Buffer.from(old), Buffer.from(next));
  const script = { from: 0, oldSize: old.length, ...runs, addresses };
  const written = writeScripts(new Map([[0, script]]), to);
  return parseScripts(written, from, to, digestOf(next)).get(0) as FileScript;
}

/** What the steps of a unit copy. */
function copiedOf(script: FileScript, old: Uint8Array, offset: number, raw: number): Buffer {
  const parts = [...stepsWithin(script, { offset, raw })];
  return Buffer.concat(parts.map(({ source, copied }) => old.subarray(source, source + copied)));
}

/** Through its script, in units of so many bytes. */
function remade(old: Uint8Array, next: Uint8Array, size: number): Buffer {
  const script = scriptOf(old, next);
  const mover = createMovers()(script);
  const made: Uint8Array[] = [];
  for (let offset = 0; offset < next.length; offset += size) {
    const unit = { bases: [], files: [0], offset, raw: Math.min(size, next.length - offset) };
    const copied = copiedOf(script, old, offset, unit.raw);
    const body = scriptedBytes(script, mover, unit, copied, next.subarray(offset, offset + unit.raw));
    made.push(runScript(script, mover, unit, copied, body));
  }
  return Buffer.concat(made);
}

describe('a script', () => {
  it('makes any bytes of any others, in units of any size', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 1, max: 500 }), (old, next, size) => {
        expect(remade(old, next, size).equals(next)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('takes a fraction of a dictionary’s bytes where addresses moved', () => {
    const [old, next] = [codeAt(0x40_0000), codeAt(0x40_1230)];
    const script = scriptOf(old, next);
    const unit = { bases: [], files: [0], offset: 0, raw: next.length };

    const copied = copiedOf(script, old, 0, next.length);
    const body = scriptedBytes(script, createMovers()(script), unit, copied, next);

    expect(compressed(body).length * 3).toBeLessThan(compressed(next, old).length);
  });

  it('says nothing of addresses that moved with what they name', () => {
    const [old, next] = [programOf(0), programOf(1)];
    const script = scriptOf(old, next);
    const unit = { bases: [], files: [0], offset: 0, raw: next.length };
    const copied = copiedOf(script, old, 0, next.length);

    const moved = scriptedBytes(script, createMovers()(script), unit, copied, next);
    const still = { ...script, addresses: { ...script.addresses, regions: [] } };
    const plain = scriptedBytes(still, createMovers()(still), unit, copied, next);

    expect(script.addresses.regions.length).toBeGreaterThan(0);
    expect(remade(old, next, 5_000).equals(next)).toBe(true);
    expect(compressed(moved).length * 4).toBeLessThan(compressed(plain).length);
  });

  it('has regions that follow one another where the sections of a program overlap', () => {
    const [old, next] = [programOf(0), programOf(1)];
    for (const program of [old, next]) {
      // The table's, from the middle of the code on.
      const at = 120 + 2 * 64;
      const [start, length] = [program.readBigUInt64LE(at + 24), program.readBigUInt64LE(at + 32)];
      program.writeBigUInt64LE(start - 20_000n, at + 24);
      program.writeBigUInt64LE(length + 20_000n, at + 32);
    }

    const { regions } = scriptOf(old, next).addresses;

    expect(regions.length).toBeGreaterThan(0);
    for (const [i, { start, length }] of regions.entries()) {
      expect(start + length).toBeLessThanOrEqual(regions[i + 1]?.start ?? old.length);
    }
    expect(remade(old, next, 5_000).equals(next)).toBe(true);
  });

  it('of a program whose headers are damaged makes it all the same', () => {
    const [old, next] = [programOf(0, 40), programOf(1, 40)];
    const damage = fc.tuple(fc.nat(HEADER_END), fc.nat(255));
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), fc.boolean(), (bytes, isBoth) => {
        const [damagedOld, damagedNext] = [Buffer.from(old), Buffer.from(next)];
        for (const [at, byte] of bytes) {
          damagedNext[at] = byte;
          if (isBoth) damagedOld[at] = byte;
        }
        expect(remade(damagedOld, damagedNext, 1_000).equals(damagedNext)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
