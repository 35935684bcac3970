// The manifest reference says something of every key, and of no key that is not there.
import { describe, expect, it } from 'vitest';
import { DOCUMENTS, documentKeys } from './pages/manifest-page.ts';

describe('the manifest page', () => {
  it.each(DOCUMENTS)('describes every key of a $title, and no other', (document) => {
    const keys = documentKeys(document).map(({ path }) => path);

    expect(Object.keys(document.words).toSorted()).toEqual([...new Set(keys)].toSorted());
  });

  it.each(DOCUMENTS)('shows examples of a $title that are JSON', ({ words }) => {
    for (const { example } of Object.values(words)) {
      if (example !== undefined) expect(() => JSON.parse(example)).not.toThrow();
    }
  });

  it('knows which choice of a union a key belongs to', () => {
    const capability = DOCUMENTS[0];
    const keys = capability === undefined ? [] : documentKeys(capability);
    const of = (path: string) => keys.find((key) => key.path === path)?.only;

    expect(of('service.status')).toEqual(['command']);
    expect(of('health[].tcp')).toEqual(['tcp']);
    expect(of('service.env')).toEqual([]);
  });
});
