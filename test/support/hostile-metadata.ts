// Metadata of targets as large as may be, in shapes that cost whoever reads it the most.

const name = (i: number) => i.toString(36).padStart(8, '0');
const hash = 'a'.repeat(64);

/** What stands again and again in the targets, or beside them. */
export const SHAPES: Readonly<Record<string, (i: number) => string>> = {
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

/** So many bytes at most of one shape. Error: for a shape that is none. */
export function hostileTargets(shape: string, bytes: number): Uint8Array {
  const entryOf = SHAPES[shape];
  if (entryOf === undefined) throw new Error(`one of ${Object.keys(SHAPES).join(', ')}`);
  return fileOf(entryOf, bytes);
}

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
