// What may stand in a JSON file that something else wrote, a disk cut short, or somebody with ill will put there.

/** By what is wrong; `schema` is the one that the file should have. */
export function rubbishOf(schema: string): readonly (readonly [string, string])[] {
  return [
    ['nothing', ''],
    ['cut short', `{"schema":"${schema}","`],
    ['no JSON', '\u0000\u0001\ufffd'],
    ['null', 'null'],
    ['a list', '[]'],
    ['one of its fields alone', JSON.stringify({ schema })],
    ['a newer form', JSON.stringify({ schema: schema.replace(/@\d+$/, '@99') })],
    ['a field that it has not', JSON.stringify({ schema, __proto__x: 1 })],
    ['endless depth', '['.repeat(100_000)],
  ];
}
