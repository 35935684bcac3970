// Documents by their digest: read from the disk where it has them whole, fetched within their bounds where not, a few at once.
import { describe, expect, it } from 'vitest';
import {
  forEachAtOnce,
  isSameDocument,
  obtainAll,
  readDocument,
} from '../../../../agent/engine/repository/documents.ts';
import { DOCUMENT_LIMITS } from '../../../../shared/encoding/json.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { settle } from '../../../support/fake-clock.ts';
import { hashOf } from '../../../support/repository-simulator.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const refOf = (text: string, path = `halts/${text}.json`) => ({
  ...{ path, sha256: hashOf('sha256', Buffer.from(text)), length: text.length },
});
const GONE = new FairleadError('transport/unreachable', { url: 'https://vendor.test', problem: 'gone' });

function cached(...texts: readonly string[]) {
  const files = new Map(texts.map((text) => [refOf(text).sha256, bytesOf(text)]));
  const asked: unknown[] = [];
  const obtained: unknown[] = [];
  const served = new Map<string, Uint8Array | Error>();
  const cache = {
    names: async () => {
      asked.push('names');
      return new Set(files.keys());
    },
    async read(sha256: string) {
      asked.push(['read', sha256]);
      return files.get(sha256) ?? null;
    },
    write: async (sha256: string, bytes: Uint8Array) => void files.set(sha256, Uint8Array.from(bytes)),
    keepOnly: async () => undefined,
  };
  const source = {
    async document(...words: readonly [string, string | null, number]) {
      asked.push(['fetch', ...words]);
      const answer = served.get(words[0]);
      if (answer === undefined || answer instanceof Error) throw answer ?? GONE;
      return answer;
    },
  };
  const obtain = (...refs: readonly ReturnType<typeof refOf>[]) =>
    obtainAll(
      cache,
      source,
      refs,
      (ref, bytes) => void obtained.push([ref.path, Buffer.from(bytes).toString()]),
    );
  return { cache, files, asked, served, obtain, obtained };
}

describe('a document', () => {
  it.each<[string, object, boolean]>([
    ['of the same path, digest and length', {}, true],
    ['of another path', { path: 'halts/b.json' }, false],
    ['of other bytes', { sha256: 'b'.repeat(64) }, false],
    ['of another length', { length: 2 }, false],
  ])('%s is the same or not', (_what, change, same) => {
    expect(isSameDocument({ ...refOf('a'), ...change }, refOf('a'))).toBe(same);
    expect(isSameDocument(undefined, refOf('a'))).toBe(false);
  });

  it('on the disk is its bytes, and none where they are others', async () => {
    const { cache, files } = cached('a');

    expect(await readDocument(cache, refOf('a'))).toEqual(bytesOf('a'));
    expect(await readDocument(cache, refOf('b'))).toBeNull();
    expect(await readDocument(cache, { ...refOf('a'), length: 2 })).toBeNull();
    files.set(refOf('a').sha256, bytesOf('b'));
    expect(await readDocument(cache, refOf('a'))).toBeNull();
  });
});

describe('what is listed', () => {
  it('is taken from the disk where it is there, and fetched by its digest and length where not', async () => {
    const { obtain, asked, files, served, obtained } = cached('a');
    const [a, b] = [refOf('a'), refOf('bb')];
    served.set(b.path, bytesOf('bb'));

    expect(await obtain(a, b)).toEqual({ obtained: new Set([a.path, b.path]), failures: [] });

    expect(asked).toEqual([
      ['read', a.sha256],
      ['read', b.sha256],
      ['fetch', b.path, b.sha256, 2],
    ]);
    expect(files.get(b.sha256)).toEqual(bytesOf('bb'));
    expect(obtained).toEqual(
      expect.arrayContaining([
        [a.path, 'a'],
        [b.path, 'bb'],
      ]),
    );
  });

  it('of a new install is not looked for one by one: the disk says once what it has', async () => {
    const { obtain, asked, served } = cached('a');
    const refs = ['a', ...Array.from({ length: 64 }, (_, i) => `b${i}`)].map((text) => refOf(text));
    for (const { path } of refs) served.set(path, bytesOf(path.slice('halts/'.length, -'.json'.length)));

    expect((await obtain(...refs)).obtained.size).toBe(65);

    expect(asked[0]).toBe('names');
    expect(asked.filter((one) => Array.isArray(one) && one[0] === 'read')).toEqual([
      ['read', refs[0]?.sha256],
    ]);
  });

  it('is fetched where what the disk has is damaged', async () => {
    const { obtain, files, served } = cached('a');
    files.set(refOf('a').sha256, bytesOf('x'));
    served.set(refOf('a').path, bytesOf('a'));

    await obtain(refOf('a'));

    expect(files.get(refOf('a').sha256)).toEqual(bytesOf('a'));
  });

  it('of more than any document has is asked for within that bound, and not believed', async () => {
    const { obtain, asked, served } = cached();
    const large = { ...refOf('a'), length: DOCUMENT_LIMITS.maxBytes + 1 };
    served.set(large.path, bytesOf('a'));

    const { failures } = await obtain(large);

    expect(asked.at(-1)).toEqual(['fetch', large.path, large.sha256, DOCUMENT_LIMITS.maxBytes]);
    expect(failures).toMatchObject([{ code: 'trust/length-mismatch' }]);
  });

  it('that cannot be had, or is not what was signed, keeps nothing else away and stays nowhere', async () => {
    const { obtain, files, served, obtained } = cached();
    const [a, b, c] = [refOf('a'), refOf('b'), refOf('c')];
    served.set(a.path, GONE).set(b.path, bytesOf('x')).set(c.path, bytesOf('c'));

    const { obtained: had, failures } = await obtain(a, b, c);

    expect([...had]).toEqual([c.path]);
    expect(failures).toEqual([GONE, expect.objectContaining({ code: 'trust/hash-mismatch' })]);
    expect([...files.keys()]).toEqual([c.sha256]);
    expect(obtained).toEqual([[c.path, 'c']]);
  });

  it('of nothing asks not even the disk', async () => {
    const { obtain, asked } = cached('a');

    expect(await obtain()).toEqual({ obtained: new Set(), failures: [] });
    expect(asked).toEqual([]);
  });
});

describe('a few at once', () => {
  it('are begun, in order, and the next as soon as one is done', async () => {
    const begun: number[] = [];
    const ends = new Map<number, () => void>();
    const all = forEachAtOnce([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      await new Promise<void>((resolve) => ends.set(item, resolve));
    });
    await settle();
    expect(begun).toEqual([1, 2]);
    ends.get(2)?.();
    await settle();
    expect(begun).toEqual([1, 2, 3]);
    for (const item of [1, 3, 4]) {
      ends.get(item)?.();
      await settle();
    }
    await all;

    expect(begun).toEqual([1, 2, 3, 4]);
  });

  it('are eight of the documents that are fetched', async () => {
    const texts = 'abcdefghijkl'.split('');
    let under = 0;
    let most = 0;
    const source = {
      async document(path: string) {
        under += 1;
        most = Math.max(most, under);
        await settle();
        under -= 1;
        return bytesOf(path.slice('halts/'.length, -'.json'.length));
      },
    };

    await obtainAll(
      cached().cache,
      source,
      texts.map((text) => refOf(text)),
      () => undefined,
    );

    expect(most).toBe(8);
  });
});
