// What one hostile metadata file costs the process that reads it: resident bytes for each of its own, and processor time.
//
//   node test/bench/hostile-child.ts SHAPE MEBIBYTES
import { createVerifyTargets } from '../../agent/adapters/repository/verify-beside.ts';
import type { VerifyTargets } from '../../agent/ports/server.ts';
import { verifyTargets } from '../../shared/trust/rules.ts';
import { hostileTargets } from '../support/hostile-metadata.ts';
import { watchWork } from '../support/turns.ts';

const [shape = '', mebibytes = '16'] = process.argv.slice(2);
const bytes = hostileTargets(shape, Number(mebibytes) * 2 ** 20);
globalThis.gc?.();
const before = process.memoryUsage().rss;
const start = process.cpuUsage();
const outcome = await outcomeOf(async (...file) => verifyTargets(...file));
const { user, system } = process.cpuUsage(start);
const peak = process.resourceUsage().maxRSS * 1024;
// Once more, as the agent does it: what is left for its own loop.
const { longest } = await watchWork(() => outcomeOf(createVerifyTargets()), 50);
console.log(
  JSON.stringify({
    ...{ shape, outcome, bytes: bytes.length },
    timesItsBytes: Number(((peak - before) / bytes.length).toFixed(2)),
    cpuMs: Math.round((user + system) / 1000),
    longestTurnMs: longest,
  }),
);

/** What the online keys vouch for: the hash is right, and the signature must be looked at. */
async function outcomeOf(verify: VerifyTargets): Promise<string> {
  try {
    const signer = { name: 'targets', role: { keyids: ['k'], threshold: 1 }, keys: new Map() };
    await verify('releases', signer, { version: 1, length: null, hashes: null }, bytes);
    return 'read';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
  }
}
