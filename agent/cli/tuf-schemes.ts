// The other signature schemes that the TUF specification names, for repositories that are not ours.
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type Key, type LoadKey, loadEd25519Key } from '../../shared/trust/key.ts';

/**
 * Ed25519 as the agent verifies it, and besides ECDSA on P-256 and RSA through node:crypto. Only the TUF client program
 * uses it: the agent accepts Ed25519 alone, whatever a repository says.
 */
export const loadAnyKey: LoadKey = (key) => loadEd25519Key(key) ?? loadPemKey(key);

function loadPemKey(key: Key): ReturnType<LoadKey> {
  const options = optionsOf(key);
  const publicKey = options === null ? null : parsePem(key.public);
  if (options === null || publicKey === null || !isAcceptable(publicKey)) return null;
  return {
    identity: `pem:${publicKey.export({ format: 'der', type: 'spki' }).toString('hex')}`,
    verify: (message, signature) => verify('sha256', message, { key: publicKey, ...options }, signature),
  };
}

function optionsOf({
  keytype,
  scheme,
}: Key): { readonly padding?: number; readonly saltLength?: number } | null {
  switch (`${keytype}/${scheme}`) {
    case 'ecdsa/ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp256/ecdsa-sha2-nistp256':
      return {};
    case 'rsa/rsassa-pss-sha256':
      return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    case 'rsa/rsa-pkcs1v15-sha256':
      return { padding: constants.RSA_PKCS1_PADDING };
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

/** TUF §4.2: P-256, and RSA keys of at least 2048 bits. */
function isAcceptable({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'ec') return asymmetricKeyDetails?.namedCurve === 'prime256v1';
  return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048;
}
