// What one hostile metadata file costs the process that reads it: resident bytes for each of its own, and processor time.
//
//   node test/bench/hostile-child.ts SHAPE MEBIBYTES
import { verifyTargets } from '../../shared/trust/rules.ts';

const [shape = '', mebibytes = '16'] = process.argv.slice(2);
const name = (i: number) => i.toString(36).padStart(8, '0');
const hash = 'a'.repeat(64);

/** What stands again and again in the targets, or beside them. */
const SHAPES: Readonly<Record<string, (i: number) => string>> = {
  'honest targets': (i) =>
    `"capabilities/core/${name(i)}/1.0.0.json":{"custom":{"kind":"release","name":"core/${name(i)}","version":"1.0.0"},` +
    `"hashes":{"sha256":"${hash}"},"length":1234}`,
  'the shortest targets': (i) => `"${name(i)}":{"length":1,"hashes":{"sha256":"a"}}`,
  'objects of one key, all different': (i) => `"${name(i)}":{"k${name(i)}":1}`,
  'empty objects': (i) => `"${name(i)}":{}`,
  'objects as sparse as they must be': (i) => `"${name(i)}${' '.repeat(60)}":{"k${name(i)}":1}`,
  'objects of two shapes in turn': (i) => `"${name(i)}${' '.repeat(30)}":{"${i % 2 ? 'a' : 'b'}":1}`,
  'empty objects as sparse as they must be': (i) => `"${name(i)}${' '.repeat(30)}":{}`,
  'arrays as sparse as they must be': (i) => `"${name(i)}${' '.repeat(30)}":[]`,
  'texts as sparse as they must be': (i) => `"${name(i)}":"${name(i)}"`,
  'as many names as may be': (i) =>
    i < 70_000 ? `"${name(i)}":"${name(i)}"` : `"${name(i)}":[${'"xxxxxxxxxxxxxxxx",'.repeat(100)}"x"]`,
  'short texts': (i) => `"${name(i)}":"x"`,
  'long texts of two bytes': (i) => `"${name(i)}":"${'\u0101'.repeat(400)}"`,
  'arrays in arrays': (i) => `"${name(i)}":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]`,
};

const entryOf = SHAPES[shape];
if (entryOf === undefined) throw new Error(`one of ${Object.keys(SHAPES).join(', ')}`);
const bytes = fileOf(entryOf, Number(mebibytes) * 2 ** 20);
globalThis.gc?.();
const before = process.memoryUsage().rss;
const start = process.cpuUsage();
const outcome = read();
const { user, system } = process.cpuUsage(start);
const peak = process.resourceUsage().maxRSS * 1024;
console.log(
  JSON.stringify({
    ...{ shape, outcome, bytes: bytes.length },
    timesItsBytes: Number(((peak - before) / bytes.length).toFixed(2)),
    cpuMs: Math.round((user + system) / 1000),
  }),
);

/** Built in place: the peak must be the reader's. */
function fileOf(entry: (i: number) => string, size: number): Uint8Array {
  const head =
    '{"signatures":[{"keyid":"k","sig":"00"}],"signed":{"_type":"targets","spec_version":"1.0.31",';
  const file = Buffer.alloc(size);
  let at = file.write(`${head}"version":1,"expires":"2030-01-01T00:00:00Z","targets":{`);
  for (let i = 0; at < size - 2048; i++) at += file.write(`${i === 0 ? '' : ','}${entry(i)}`, at);
  at += file.write('}}}', at);
  return file.subarray(0, at);
}

/** As an agent reads what the online keys vouch for: the hash is right, and the signature must be looked at. */
function read(): string {
  try {
    const signer = { name: 'targets', role: { keyids: ['k'], threshold: 1 }, keys: new Map() };
    verifyTargets('releases', signer, { version: 1, length: null, hashes: null }, bytes);
    return 'read';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
  }
}
