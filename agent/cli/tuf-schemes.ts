// The other signature schemes that the TUF specification names, for repositories that are not ours.
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type Key, type LoadKey, loadEd25519Key } from '../../shared/trust/key.ts';

/**
 * Ed25519 as the agent verifies it, and besides ECDSA on P-256 and RSA through node:crypto. Only the TUF client program
 * uses it: the agent accepts Ed25519 alone, whatever a repository says.
 */
export const loadAnyKey: LoadKey = (key) => loadEd25519Key(key) ?? loadPemKey(key);

interface Scheme {
  readonly isKey: (key: KeyObject) => boolean;
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

function loadPemKey(key: Key): ReturnType<LoadKey> {
  const scheme = schemeOf(key);
  const publicKey = scheme === null ? null : parsePem(key.public);
  if (scheme === null || publicKey === null || !scheme.isKey(publicKey)) return null;
  return {
    identity: `pem:${publicKey.export({ format: 'der', type: 'spki' }).toString('hex')}`,
    verify: (message, signature) =>
      verify('sha256', message, { key: publicKey, ...scheme.options }, signature),
  };
}

function schemeOf({ keytype, scheme }: Key): Scheme | null {
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_AUTO } = constants;
  switch (`${keytype}/${scheme}`) {
    case 'ecdsa/ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp256/ecdsa-sha2-nistp256':
      return { isKey: isP256, options: {} };
    case 'rsa/rsassa-pss-sha256':
      return { isKey: isRsa, options: { padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_AUTO } };
    case 'rsa/rsa-pkcs1v15-sha256':
      return { isKey: isRsa, options: { padding: RSA_PKCS1_PADDING } };
    default:
      return null;
  }
}

function parsePem(pem: string): KeyObject | null {
  try {
    return createPublicKey(pem);
  } catch {
    return null;
  }
}

function isP256({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** TUF §4.2: at least 2048 bits. */
function isRsa({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}
