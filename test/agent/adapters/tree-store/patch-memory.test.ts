// What the process that applies a patch has at most in memory, with the largest units and dictionaries that there may be.
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { expect, it } from 'vitest';
import { storeLayout } from '../../../../agent/adapters/tree-store/layout.ts';
import { applyBeside } from '../../../../agent/adapters/tree-store/patch-beside.ts';
import { ownProgram } from '../../../../shared/node/own-parts.ts';
import { MAX_UNIT_BYTES } from '../../../../shared/tree/pack-format.ts';
import { MAX_DICTIONARY_BYTES, PATCH_MAGIC } from '../../../../shared/tree/patch-format.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { join } from './pack-builder.ts';
import { draftOf, patchSections, unitOf } from './patch-builder.ts';

const UNITS = 8;
const MIB = 2 ** 20;

it('holds one unit and one dictionary at a time, however many there are', async () => {
  const work = temporaryDirectory();
  const old = randomFillSync(Buffer.alloc(MAX_DICTIONARY_BYTES - PATCH_MAGIC.length));
  const next = Buffer.alloc(UNITS * MAX_UNIT_BYTES);
  for (let i = 0; i < UNITS; i++) old.copy(next, i * MAX_UNIT_BYTES, i);
  const plan = Array.from({ length: UNITS }, (_, i) => ({
    ...{ bases: [[0, 0, old.length]], files: [0], offset: i * MAX_UNIT_BYTES, raw: MAX_UNIT_BYTES },
  }));
  const units = plan.map(({ offset }) => unitOf(next.subarray(offset, offset + MAX_UNIT_BYTES), old));
  const draft = draftOf({ old: { big: old }, next: { big: next }, plan, units });
  mkdirSync(joinPath(work, 'base/files'), { recursive: true });
  writeFileSync(joinPath(work, 'base/index.json'), draft.oldIndex);
  writeFileSync(joinPath(work, 'base/files/big'), old);
  writeFileSync(joinPath(work, 'patch'), join(patchSections(draft)));
  const program = ownProgram('agent/cli/main.ts').toSpliced(
    1,
    0,
    '--import',
    tellingPeak(joinPath(work, 'peak')),
  );

  await applyBeside(
    {
      ...{ layout: storeLayout(work), patch: joinPath(work, 'patch'), ref: draft.ref, shareable: true },
      ...{ base: joinPath(work, 'base'), staging: joinPath(work, 'staging') },
    },
    undefined,
    [...program, 'agent', 'patch'],
  );

  expect(readFileSync(joinPath(work, 'staging/files/big')).equals(next)).toBe(true);
  expect(Number(readFileSync(joinPath(work, 'peak'), 'utf8'))).toBeLessThan((150 * MIB) / 1024);
  rmSync(work, { recursive: true });
}, 30_000);

/** Loaded before a program, it writes how many KiB that had at most, before it says how it went: then it is killed. What the system counts has those of its parent in it. */
function tellingPeak(file: string): string {
  const script = `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { writeSync } = fs;
    fs.writeSync = (fd, ...words) => {
      const [, peak] = /VmHWM:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'));
      if (fd === 1) fs.writeFileSync(${JSON.stringify(file)}, peak);
      return writeSync(fd, ...words);
    };
    syncBuiltinESMExports();`;
  return `data:text/javascript,${encodeURIComponent(script)}`;
}
