// The process that applies a patch ends with the agent: killed, it leaves nobody who goes on to write into its store.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { storeLayout } from '../../../../agent/adapters/tree-store/layout.ts';
import { MAX_UNIT_BYTES } from '../../../../shared/tree/pack-format.ts';
import { patternedBytes, temporaryDirectory } from '../../../support/directories.ts';
import { join } from './pack-builder.ts';
import { draftOf, patchSections, unitOf } from './patch-builder.ts';

/** Of 8 MB each: work that goes on for long after the agent is gone, if nobody ends it. */
const UNITS = 40;
const BESIDE = new URL('../../../../agent/adapters/tree-store/patch-beside.ts', import.meta.url).href;

/** A patch that takes a while, and what is said to the process that applies it. */
function longWork() {
  const work = temporaryDirectory();
  const old = patternedBytes(MAX_UNIT_BYTES, 'old');
  const next = Buffer.concat(Array<Buffer>(UNITS).fill(old));
  const plan = Array.from({ length: UNITS }, (_, i) => ({
    ...{ bases: [[0, 0, old.length]], files: [0], offset: i * MAX_UNIT_BYTES, raw: MAX_UNIT_BYTES },
  }));
  const units = Array(UNITS).fill(unitOf(old, old));
  const draft = draftOf({ old: { big: old }, next: { big: next }, plan, units });
  const base = joinPath(work, 'base');
  mkdirSync(joinPath(base, 'files'), { recursive: true });
  writeFileSync(joinPath(base, 'index.json'), draft.oldIndex);
  writeFileSync(joinPath(base, 'files/big'), old);
  writeFileSync(joinPath(work, 'patch'), join(patchSections(draft)));
  return {
    layout: storeLayout(work),
    patch: joinPath(work, 'patch'),
    ref: draft.ref,
    base,
    staging: joinPath(work, 'staging'),
    shareable: true,
  };
}

/** Whoever has this word on its command line. */
function processesWith(word: string): readonly string[] {
  const commandOf = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && commandOf(name).includes(word));
}

async function until(isSo: () => boolean): Promise<void> {
  for (let left = 1_500; !isSo() && left > 0; left--) await setTimeout(10);
  expect(isSo()).toBe(true);
}

it('ends in the middle of its work when the agent is killed', { timeout: 60_000 }, async () => {
  const work = longWork();
  const agent = joinPath(work.base, '../agent.mjs');
  writeFileSync(
    agent,
    `import { applyBeside } from ${JSON.stringify(BESIDE)};\nawait applyBeside(${JSON.stringify(work)});\n`,
  );
  const child = spawn(process.execPath, [agent], { stdio: 'ignore' });
  onTestFinished(() => {
    for (const pid of processesWith(work.staging)) process.kill(Number(pid), 'SIGKILL');
  });
  await until(() => existsSync(joinPath(work.staging, 'files/big')));
  expect(processesWith(work.staging)).toHaveLength(1);

  child.kill('SIGKILL');
  await once(child, 'exit');

  await until(() => processesWith(work.staging).length === 0);
  expect(existsSync(joinPath(work.staging, 'index.json'))).toBe(false);
});
