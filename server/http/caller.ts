// Who is asking, as routes and the audit log use it.
import type { Token } from '../db/tokens.ts';

/** By what the credential says and nothing else. */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'token'; readonly token: Token }
  | ({ readonly kind: 'agent' } & Speaker);

export interface Speaker {
  readonly instance: string;
  /** The start of the agent that speaks; null for one that does not say. */
  readonly boot: string | null;
}

/** This machine itself, in either family. */
export function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/.test(address);
}

/** The agent behind a request. */
export function speakerOf(caller: Caller): Speaker {
  if (caller.kind !== 'agent') throw new Error('the route lets agents only in here');
  return caller;
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
