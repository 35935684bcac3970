// The seed of a file's property tests: another one every time, said whenever a test fails, and given again by FAIRLEAD_TEST_SEED.
//
// A property that fails names its seed itself; one that runs out of time, or a test that draws samples, does not.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, expect } from 'vitest';

const given = process.env.FAIRLEAD_TEST_SEED;
const seed = given === undefined ? randomInt(2 ** 31) : Number(given);
let isUsed = false;

beforeAll(async () => {
  const { testPath } = expect.getState();
  // Loaded for those alone that use it: it takes longer than many a test.
  isUsed = testPath !== undefined && readFileSync(testPath, 'utf8').includes("from 'fast-check'");
  if (isUsed) (await import('fast-check')).default.configureGlobal({ seed });
});

beforeEach(({ onTestFailed }) => {
  if (isUsed) onTestFailed(() => console.error(`again with FAIRLEAD_TEST_SEED=${seed}`));
});
