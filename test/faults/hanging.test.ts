// The laboratory ends what hangs, and tells what hangs in its work from what hangs while it leaves.
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { collectOutput, parseAcknowledged } from '../labs/faults/operation-process.ts';

const FACT = { kind: 'done', what: 'repair' };
const SAID = `echo '${JSON.stringify(FACT)}'`;

it.each([
  ['in its work', SAID, true],
  ['before it said a word', ':', true],
  ['once all is done', `${SAID}; echo`, false],
  ['once it failed', `${SAID}; echo failed >&2`, false],
])('what hangs %s', async (_, script, isHung) => {
  const child = spawn('/bin/sh', ['-c', `${script}; exec sleep 600`], { detached: true });

  const found = await collectOutput(child, 500);

  expect([found.isHung, found.status]).toEqual([isHung, null]);
  expect(parseAcknowledged(found.output)).toEqual(script.includes(SAID) ? [FACT] : []);
});
