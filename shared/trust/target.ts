// Whether bytes are the file that was signed: their length and their hashes.
import { createHash } from 'node:crypto';
import { FairleadError } from '../errors/error.ts';
import type { Hashes } from './metadata.ts';

const SUPPORTED = ['sha256', 'sha512'] as const;

/** What a signed list says about a file; null where it says nothing. */
export interface Expected {
  readonly length: number | null;
  readonly hashes: Hashes | null;
}

/**
 * Every hash of a known algorithm must match, and at least one must be known: an unknown one alone proves nothing.
 * Errors: trust/length-mismatch, trust/hash-mismatch.
 */
export function verifyFile(bytes: Uint8Array, expected: Expected, file: string): void {
  if (expected.length !== null && bytes.length !== expected.length) {
    throw new FairleadError('trust/length-mismatch', {
      file,
      expected: expected.length,
      actual: bytes.length,
    });
  }
  if (expected.hashes !== null) verifyHashes(bytes, expected.hashes, file);
}

function verifyHashes(bytes: Uint8Array, hashes: Hashes, file: string): void {
  const known = SUPPORTED.filter((algorithm) => hashes.has(algorithm));
  if (known.length === 0) {
    throw new FairleadError('trust/hash-mismatch', { file, problem: 'no hash of a known algorithm' });
  }
  for (const algorithm of known) {
    if (createHash(algorithm).update(bytes).digest('hex') !== hashes.get(algorithm)) {
      throw new FairleadError('trust/hash-mismatch', { file, problem: `${algorithm} differs` });
    }
  }
}

/** The hash that names the file in a consistent snapshot (TUF §6.2); null when none is of a known algorithm. */
export function namingHash(hashes: Hashes): string | null {
  return hashes.get('sha256') ?? hashes.get('sha512') ?? null;
}
