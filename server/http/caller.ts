// Who is asking, as routes and the audit log use it.
import type { FastifyRequest } from 'fastify';

/** The instance behind an agent's request: from its credential only. */
export function instanceOf(request: FastifyRequest): string {
  if (request.caller.kind !== 'agent') throw new Error('the table of access lets agents only in here');
  return request.caller.instance;
}

/** How the audit log names whoever sent the request. */
export function actorOf(request: FastifyRequest): string {
  switch (request.caller.kind) {
    case 'token':
      return `token ${request.caller.token.name}`;
    case 'agent':
      return `instance ${request.caller.instance}`;
    case 'nobody':
      return 'nobody';
  }
}
