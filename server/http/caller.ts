// Who is asking, as routes and the audit log use it.
import type { Token } from '../db/tokens.ts';

/** By what the credential says and nothing else. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'agent'; readonly instance: string };

/** The instance behind an agent's request. */
export function instanceOf(caller: Caller): string {
  if (caller.kind !== 'agent') throw new Error('the route lets agents only in here');
  return caller.instance;
}

/** How the audit log names whoever sent the request. */
export function actorOf(caller: Caller): string {
  switch (caller.kind) {
    case 'token':
      return `token ${caller.token.name}`;
    case 'agent':
      return `instance ${caller.instance}`;
    case 'nobody':
      return 'nobody';
  }
}
