// The passphrase of the online keys: given by the operator, or made at init and kept beside them.
import { randomBytes } from 'node:crypto';
import { toBase64url, utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { writeDurably } from './durable-file.ts';
import type { Layout } from './layout.ts';
import { readTextIfThere } from './read-file.ts';

/** Where a passphrase may come from, besides the file that `init` leaves. */
export interface PassphraseSource {
  readonly file: string | undefined;
  readonly environment: string | undefined;
}

/** Errors: server/no-passphrase, server/passphrase-file-empty, disk/unreadable. */
export async function readPassphrase(layout: Layout, source: PassphraseSource): Promise<string> {
  const found = await findPassphrase(layout, source);
  if (found === null) throw new FairleadError('server/no-passphrase', { dir: layout.dir });
  return found;
}

/** The passphrase, and whether it was made here just now: it then lies in the clear, readable by the owner only. */
export async function readOrMakePassphrase(
  layout: Layout,
  source: PassphraseSource,
): Promise<{ readonly passphrase: string; readonly made: boolean }> {
  const found = await findPassphrase(layout, source);
  if (found !== null) return { passphrase: found, made: false };
  const passphrase = toBase64url(randomBytes(24));
  await writeDurably(layout.passphrase, utf8(`${passphrase}\n`));
  return { passphrase, made: true };
}

async function findPassphrase(layout: Layout, source: PassphraseSource): Promise<string | null> {
  if (source.file !== undefined) return readNamed(source.file);
  if (source.environment !== undefined) return source.environment;
  const made = await readTextIfThere(layout.passphrase);
  return made === null ? null : firstLine(made);
}

/** A file that was named is there: another passphrase in its place would seal the keys with a secret nobody chose. */
async function readNamed(file: string): Promise<string> {
  const text = await readTextIfThere(file);
  if (text === null)
    throw new FairleadError('disk/unreadable', { path: file, problem: 'there is no such file' });
  const line = firstLine(text);
  if (line === null) throw new FairleadError('server/passphrase-file-empty', { file });
  return line;
}

function firstLine(text: string): string | null {
  const [line] = text.split(/\r?\n/, 1);
  return line === undefined || line === '' ? null : line;
}
