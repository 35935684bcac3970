// Private keys at rest: an Ed25519 seed sealed with a passphrase, its public half in the clear.
import { scryptSync } from 'node:crypto';
import nacl from 'tweetnacl';
import { z } from 'zod';
import { fromBase64url, toBase64url, utf8 } from '../encoding/bytes.ts';
import { FairleadError } from '../errors/error.ts';
import { line, name } from '../schema/common.ts';
import { SECRET } from '../schema/parse-document.ts';
import { type SigningKey, signingKeyFromSeed } from './key.ts';

export const SALT_BYTES = 32;
export const NONCE_BYTES = nacl.secretbox.nonceLength;

/** About 32 MiB and a tenth of a second for each guess. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 };

const hex64 = z.string().regex(/^[0-9a-f]{64}$/, { error: '64 hexadecimal digits' });
const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/, { error: 'base64url text' });

/** The cost is fixed: a file that asks for more would let whoever wrote it exhaust the reader's memory. */
export const keyFile = z
  .strictObject({
    schema: z.literal('fairlead/key@1'),
    /** For which roles it was made. A hint: the metadata says who may sign. */
    roles: z.array(name).max(16),
    /** Whose key it is or where it is kept, for people. */
    label: line,
    keyid: hex64,
    public: hex64,
    kdf: z.strictObject({
      name: z.literal('scrypt'),
      n: z.literal(COST.N),
      r: z.literal(COST.r),
      p: z.literal(COST.p),
      salt: base64url,
    }),
    box: z.strictObject({ name: z.literal('nacl-secretbox'), nonce: base64url, sealed: base64url }),
  })
  // Somebody may hand in a key that is not sealed.
  .meta({ [SECRET]: true });

export type KeyFile = z.output<typeof keyFile>;

export interface SealRequest {
  /** 32 secret random bytes. */
  readonly seed: Uint8Array;
  readonly roles: readonly string[];
  readonly label: string;
  readonly passphrase: string;
  /** SALT_BYTES and NONCE_BYTES random bytes, fresh for every file. */
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Whoever copies the file may guess for ever: the cost of one guess is no help to a word of four letters. */
const SHORTEST_PASSPHRASE = 8;

/** Every new key passes here, whichever program makes it. Blocks for about a tenth of a second. Error: vendor/passphrase-short. */
export function sealKeyFile(request: SealRequest): KeyFile {
  // As it will be derived: an accent that is typed in two parts is one character.
  if ([...request.passphrase.normalize('NFC')].length < SHORTEST_PASSPHRASE) {
    throw new FairleadError('vendor/passphrase-short', { least: SHORTEST_PASSPHRASE });
  }
  const { keyid, key } = signingKeyFromSeed(request.seed);
  const secret = deriveSecret(request.passphrase, request.salt);
  return {
    schema: 'fairlead/key@1',
    roles: [...request.roles],
    label: request.label,
    keyid,
    public: key.keyval.public,
    kdf: { name: 'scrypt', n: COST.N, r: COST.r, p: COST.p, salt: toBase64url(request.salt) },
    box: {
      name: 'nacl-secretbox',
      nonce: toBase64url(request.nonce),
      sealed: toBase64url(nacl.secretbox(request.seed, request.nonce, secret)),
    },
  };
}

/**
 * The signing key inside; `path` names the file in errors. Blocks for about a tenth of a second.
 * Errors: vendor/wrong-passphrase, vendor/key-damaged.
 */
export function openKeyFile(file: KeyFile, passphrase: string, path: string): SigningKey {
  const salt = fromBase64url(file.kdf.salt);
  const nonce = fromBase64url(file.box.nonce);
  const sealed = fromBase64url(file.box.sealed);
  if (salt === null || sealed === null || nonce?.length !== NONCE_BYTES) {
    throw new FairleadError('vendor/key-damaged', { file: path, problem: 'its sealed part is not whole' });
  }
  const seed = nacl.secretbox.open(sealed, nonce, deriveSecret(passphrase, salt));
  if (seed === null) throw new FairleadError('vendor/wrong-passphrase', { file: path });
  const key = signingKeyFromSeed(seed);
  // The clear half is not sealed: whoever edits it could have another key trusted in this one's place.
  if (key.keyid !== file.keyid || key.key.keyval.public !== file.public) {
    throw new FairleadError('vendor/key-damaged', {
      file: path,
      problem: 'its public key is not the sealed one',
    });
  }
  return key;
}

function deriveSecret(passphrase: string, salt: Uint8Array): Uint8Array {
  // NFC: the same passphrase typed on another system must open the same file.
  return Uint8Array.from(scryptSync(utf8(passphrase.normalize('NFC')), salt, nacl.secretbox.keyLength, COST));
}
