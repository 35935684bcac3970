// The keys that agents' passes are sealed with: rows, so that every process opens what any of them sealed; another each hour.
import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import { toBase64url } from '../../shared/encoding/bytes.ts';
import { durationMs, type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { PASS_LIFETIME_SECONDS } from '../../shared/protocol/pass.ts';
import { NONCE_BYTES, openPass, openSealed, type PassContent, seal } from '../core/seal.ts';
import { columnTypesOf, type Database } from './tables.ts';

export interface PassKey {
  readonly id: string;
  readonly secret: Buffer;
  readonly made: EpochMs;
}

export interface PassKeys {
  /** To seal with; made where there is none young enough. */
  current(): Promise<PassKey>;
  /** `over`: no process has its key, or has it any more. `foreign`: that key did not seal it. Whether it has ended is not looked at. */
  open(pass: string): Promise<OpenedPass | 'over' | 'foreign'>;
}

export interface OpenedPass extends Omit<PassContent, 'secret'> {
  readonly secret: KeyObject;
}

/** Opening one takes longer than all else that a proof costs; a process has no more agents at once. */
const MOST_OPENED = 20_000;

const SEALS_MS = durationMs('PT1H');
/** Until the last pass that it sealed is over. */
const OPENS_MS = SEALS_MS + PASS_LIFETIME_SECONDS * 1_000;
/** Whoever makes up names of keys has the database asked so often at most. */
const LOOK_MS = 1_000;
const SECRET_BYTES = 32;

/** The step that makes room for them. */
export async function addPassKeys(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypesOf(db);
  await db.schema
    .createTable('pass_keys')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('sealed', text, (c) => c.notNull())
    .addColumn('created_at', text, (c) => c.notNull())
    .execute();
}

/** `sealing` opens the rows: a copy of the database alone lets nobody speak for an install. */
export function createPassKeys(
  db: Database,
  sealing: () => Promise<Uint8Array>,
  now: () => EpochMs,
): PassKeys {
  let known: ReadonlyMap<string, PassKey> = new Map();
  let looked = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;

  const isYoung = ({ made }: PassKey, ms: number) => now() - made < ms;

  async function look(): Promise<void> {
    const master = await sealing();
    const rows = await db.selectFrom('pass_keys').selectAll().orderBy('created_at').execute();
    known = new Map(rows.flatMap((row) => unsealed(row, master).map((key) => [key.id, key] as const)));
    looked = performance.now();
  }

  function lookOnce(): Promise<void> {
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  }

  async function make(): Promise<PassKey> {
    const key = { id: toBase64url(randomBytes(9)), secret: randomBytes(SECRET_BYTES), made: now() };
    const text = seal(toBase64url(key.secret), await sealing(), randomBytes(NONCE_BYTES), key.id);
    const row = { id: key.id, sealed: toBase64url(text), created_at: formatInstantMs(key.made) };
    await db.insertInto('pass_keys').values(row).execute();
    await db
      .deleteFrom('pass_keys')
      .where('created_at', '<', formatInstantMs(key.made - OPENS_MS))
      .execute();
    known = new Map([...known, [key.id, key]]);
    return key;
  }

  async function find(id: string): Promise<PassKey | null> {
    if (!known.has(id) && performance.now() - looked >= LOOK_MS) await lookOnce();
    const key = known.get(id);
    return key !== undefined && isYoung(key, OPENS_MS) ? key : null;
  }

  const opened = new Map<string, OpenedPass>();
  const newest = () => [...known.values()].findLast((key) => isYoung(key, SEALS_MS));
  return {
    current: async () => {
      if (newest() === undefined) await lookOnce();
      return newest() ?? (await make());
    },
    open: async (pass) => {
      const remembered = opened.get(pass);
      if (remembered !== undefined) return remembered;
      const key = await find(pass.slice(0, pass.indexOf('.')));
      if (key === null) return 'over';
      const content = openPass(pass, key.secret);
      if (content === null) return 'foreign';
      const one = { ...content, secret: createSecretKey(content.secret, 'base64url') };
      if (opened.size >= MOST_OPENED) opened.delete(opened.keys().next().value ?? '');
      opened.set(pass, one);
      return one;
    },
  };
}

/** None for a row of a server with another passphrase: its passes are worth nothing here. */
function unsealed(
  row: { readonly id: string; readonly sealed: string; readonly created_at: string },
  master: Uint8Array,
): readonly PassKey[] {
  const secret = openSealed(Buffer.from(row.sealed, 'base64url'), master, row.id);
  if (secret === null) return [];
  return [{ id: row.id, secret: Buffer.from(secret, 'base64url'), made: instantMs(row.created_at) }];
}
