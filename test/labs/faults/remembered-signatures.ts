// Signatures verified once: schedules meet the same few documents a hundred thousand times, and verifying is pure.
import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';

const verify = nacl.sign.detached.verify;
const known = new Map<string, boolean>();

nacl.sign.detached.verify = (message, signature, publicKey) => {
  const key = createHash('sha256').update(signature).update(publicKey).update(message).digest('base64');
  const before = known.get(key);
  const verdict = before ?? verify(message, signature, publicKey);
  if (before === undefined) known.set(key, verdict);
  return verdict;
};
