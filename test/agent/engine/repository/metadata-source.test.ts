// Which metadata is asked for: its exact name, how many bytes of it are read, and what an answer without bytes means.
import { describe, expect, it } from 'vitest';
import { createMetadataSource } from '../../../../agent/engine/repository/metadata-source.ts';
import type { MetadataAnswer } from '../../../../agent/ports/server.ts';
import { MAX_METADATA_BYTES } from '../../../../shared/trust/metadata.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';

const BYTES = Uint8Array.of(1, 2, 3);
const BODY: MetadataAnswer = { kind: 'body', bytes: BYTES, etag: '"1"' };
const MISSING: MetadataAnswer = { kind: 'missing', status: 404, place: 'https://vendor.test/x' };
const META = { version: 7, length: null, hashes: null };

function answering(answer: MetadataAnswer) {
  const asked: unknown[] = [];
  const source = createMetadataSource({
    async metadata(...words) {
      asked.push(words);
      return answer;
    },
  });
  return { source, asked };
}

describe('a root', () => {
  it('is asked for by its version, within its bound, and may not be there', async () => {
    const { source, asked } = answering(BODY);

    expect(await source.root(3)).toBe(BYTES);
    expect(asked).toEqual([['3.root.json', { maxBytes: MAX_METADATA_BYTES.root }]]);
    expect(await answering(MISSING).source.root(3)).toBeNull();
  });

  it('cannot be unmodified: nobody asked whether it was', async () => {
    const error = await rejectionOf(answering({ kind: 'not-modified' }).source.root(3));

    expect(dataOf(error, 'transport/refused')).toMatchObject({ url: '3.root.json', status: 304 });
  });
});

describe('a timestamp', () => {
  it('is asked for without its version, and with the name of the bytes that are known', async () => {
    const { source, asked } = answering(BODY);

    expect(await source.timestamp(null)).toEqual({ bytes: BYTES, etag: '"1"' });
    expect(await source.timestamp('"0"')).toEqual({ bytes: BYTES, etag: '"1"' });
    const maxBytes = MAX_METADATA_BYTES.timestamp;
    expect(asked).toEqual([
      ['timestamp.json', { maxBytes }],
      ['timestamp.json', { maxBytes, unless: '"0"' }],
    ]);
  });

  it('that was not modified is none, but for whoever named no bytes', async () => {
    expect(await answering({ kind: 'not-modified' }).source.timestamp('"0"')).toBeNull();
    const error = await rejectionOf(answering({ kind: 'not-modified' }).source.timestamp(null));
    expect(dataOf(error, 'transport/refused')).toMatchObject({ url: 'timestamp.json', status: 304 });
  });

  it('that is missing is a refusal, named by where it was looked for', async () => {
    for (const unless of [null, '"0"']) {
      const error = await rejectionOf(answering(MISSING).source.timestamp(unless));
      expect(dataOf(error, 'transport/refused')).toMatchObject({ url: MISSING.place, status: 404 });
    }
  });
});

describe('snapshot and targets', () => {
  it.each([
    ['a consistent snapshot by its version', 'snapshot', true, '7.snapshot.json'],
    ['another by its name', 'snapshot', false, 'snapshot.json'],
    ['a role of a consistent snapshot by its version', 'targets', true, '7.a%2Fb.json'],
    ['another role by its name', 'targets', false, 'a%2Fb.json'],
  ] as const)('are asked for: %s', async (_what, kind, isConsistent, name) => {
    const { source, asked } = answering(BODY);
    const ask = (meta: typeof META) =>
      kind === 'snapshot' ? source.snapshot(meta, isConsistent) : source.targets('a/b', meta, isConsistent);

    expect(await ask(META)).toBe(BYTES);
    await ask({ ...META, length: 5 } as never);
    await ask({ ...META, length: Number.MAX_SAFE_INTEGER } as never);

    const most = MAX_METADATA_BYTES[kind];
    expect(asked).toEqual([most, 5, most].map((maxBytes) => [name, { maxBytes }]));
  });

  it('that are listed and not there are a refusal', async () => {
    for (const answer of [MISSING, { kind: 'not-modified' } as const]) {
      const { source } = answering(answer);
      const errors = await Promise.all([
        rejectionOf(source.snapshot(META, true)),
        rejectionOf(source.targets('releases', META, true)),
      ]);
      expect(errors.map(({ code }) => code)).toEqual(['transport/refused', 'transport/refused']);
    }
  });
});
