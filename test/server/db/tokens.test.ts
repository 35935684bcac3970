// Tokens: known until they end or are taken back, whoever asks.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../../server/db/tables.ts';
import { findToken, hasToken, listTokens, makeToken } from '../../../server/db/token-lists.ts';
import { admitToken, revokeTokens } from '../../../server/db/tokens.ts';
import { openAt } from '../../support/databases.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { NOW } from '../../support/publications.ts';

const HOUR_MS = 60 * 60 * 1000;

let dir: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-tokens-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

describe('a token', () => {
  const request = { name: 'ci', role: 'publisher', expires: NOW + HOUR_MS, actor: 'test' } as const;

  it('is known by its text until it expires', async () => {
    const text = makeToken();
    await admitToken(db, { ...request, text }, NOW);

    expect(await findToken(db, text, NOW)).toMatchObject({ name: 'ci', role: 'publisher' });
    expect((await rejectionOf(findToken(db, text, NOW + HOUR_MS))).code).toBe('auth/refused');
  });

  it('stays revoked, also when it is admitted once more', async () => {
    const text = makeToken();
    await admitToken(db, { ...request, text }, NOW);

    expect(await revokeTokens(db, 'ci', 'test', NOW)).toBe(1);
    await admitToken(db, { ...request, text }, NOW);

    expect((await rejectionOf(findToken(db, text, NOW))).code).toBe('auth/refused');
    expect(await listTokens(db)).toEqual([]);
    expect(await hasToken(db, 'publisher')).toBe(false);
  });

  it('that one server takes back is gone for another at once', async () => {
    const other = await openAt(join(dir, 'fairlead.db'), 'beside');
    const text = makeToken();
    await admitToken(db, { ...request, text }, NOW);
    expect(await findToken(other, text, NOW)).toMatchObject({ name: 'ci' });

    await revokeTokens(db, 'ci', 'test', NOW);

    expect((await rejectionOf(findToken(other, text, NOW))).code).toBe('auth/refused');
    await other.destroy();
  });
});
