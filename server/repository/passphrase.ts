// The passphrase of the online keys: given by the operator, or made at init and kept beside them.
import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { toBase64url, utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { writeDurably } from '../../shared/node/durable-file.ts';
import { readSecret } from '../../shared/node/named-file.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import type { OnlineKeysReply } from '../../shared/protocol/publication.ts';
import type { Layout } from './layout.ts';

/** Where a passphrase may come from, besides the file that `init` leaves. */
export interface PassphraseSource {
  readonly file: string | undefined;
  readonly environment: string | undefined;
}

/**
 * Of its own variable, then of the vendor's: on one machine the two are told apart, so that who may restart the server
 * does not hold what opens the offline keys.
 */
export function passphraseSource(file: string | undefined, environment: NodeJS.ProcessEnv): PassphraseSource {
  return { file, environment: environment.FAIRLEAD_SERVER_PASSPHRASE ?? environment.FAIRLEAD_PASSPHRASE };
}

/** Errors: server/no-passphrase, file/missing, file/no-secret, disk/unreadable. */
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

const SEALING_BYTES = 32;

/**
 * What the server's own secrets are sealed with in the database: the same in all processes of a server, which have its online keys
 * and the passphrase of them, and made once in each. Errors: as of reading the passphrase.
 */
export function sealingOf(
  { layout, passphrase }: { readonly layout: Layout; readonly passphrase: PassphraseSource },
  { onlineKeys }: { readonly onlineKeys: OnlineKeysReply },
): () => Promise<Uint8Array> {
  let made: Promise<Uint8Array> | null = null;
  const make = async () => {
    const secret = (await readPassphrase(layout, passphrase)).normalize('NFC');
    const derived = await promisify(scrypt)(secret, `fairlead ${onlineKeys.timestamp}`, SEALING_BYTES);
    return derived as Buffer;
  };
  return () => {
    // One that failed, for a passphrase that could not be read, is tried again.
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}

async function findPassphrase(layout: Layout, source: PassphraseSource): Promise<string | null> {
  // A file that was named is there: another passphrase in its place would seal the keys with a secret nobody chose.
  if (source.file !== undefined) return readSecret(source.file);
  if (source.environment !== undefined) return source.environment;
  return (await isPresent(layout.passphrase)) ? readSecret(layout.passphrase) : null;
}
