// A record on standard input that is none: refused by name, soon, and nothing is signed.
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { OSV_LIMITS } from '../../../../server/vendor/core/osv-record.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
});
afterAll(() => vendor.close());
afterEach(() => void vi.restoreAllMocks());

function pipe(input: Iterable<Uint8Array>): Readable {
  const stream = Readable.from(input, { objectMode: false });
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(stream as typeof process.stdin);
  return stream;
}

const bytes = (text: string) => [Buffer.from(text)];
const MIB = Buffer.alloc(2 ** 20, ' ');

function* endless(): Generator<Uint8Array> {
  for (;;) yield MIB;
}

it.each<[string, () => Iterable<Uint8Array>, RegExp]>([
  ['nothing', () => [], /^json\//],
  ['white space', () => bytes('\n\n'), /^json\//],
  ['a byte order mark and a record', () => bytes('\ufeff{"id":"A"}'), /^json\//],
  ['what is no UTF-8', () => [Buffer.from([0xff, 0xfe, 0x00, 0xd8])], /^json\//],
  ['an executable', () => [Buffer.from('7f454c4602010100', 'hex'), Buffer.alloc(4096)], /^json\//],
  ['half a record', () => bytes('{"id":"GHSA-1","affected":['), /^json\//],
  ['a hundred thousand lists in lists', () => bytes('['.repeat(100_000) + ']'.repeat(100_000)), /^json\//],
  ['one key twice', () => bytes('{"id":"A","id":"B"}'), /^json\//],
  [
    'a prototype',
    () => bytes('{"id":"A","__proto__":{"withdrawn":"2020-01-01T00:00:00Z"}}'),
    /^json\/|^document\//,
  ],
  ['a list of records', () => bytes('[{"id":"A"}]'), /^document\//],
  ['another document', () => bytes('{"schema":"fairlead/advisory@1"}'), /^document\//],
  ['more than any record has', () => [Buffer.alloc(OSV_LIMITS.maxBytes + 1, '[')], /^json\//],
  ['something without end', endless, /^json\//],
])('%s', async (_name, input, code) => {
  const before = new Map(vendor.server.files);
  const stream = pipe(input());

  const refusal = await vendor.refusal('advisory', 'import', '-', '--package', 'npm:a=core/auth', '--yes');

  expect(refusal).toMatch(code);
  expect(stream.readableFlowing === true && !stream.destroyed && !stream.readableEnded).toBe(false);
  expect(new Map(vendor.server.files)).toEqual(before);
});
