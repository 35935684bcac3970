// Who the agents of a bench are: their ids, and what each shows to a server, all with one key.
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';

export const idOf = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;

export function agentToken(key: KeyObject, instance: number): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(idOf(instance))
    .setAudience('fairlead-server')
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(key);
}
