// Reports and heartbeats at the door: taken by the very functions of their routes, and what is refused there is told by the routes.
import type { Socket } from 'node:net';
import { PASS_SCHEME } from '../../shared/protocol/pass.ts';
import type { Context } from '../context.ts';
import type { PlainPost } from '../core/plain-request.ts';
import { admit, speakerOf, takeBody } from './access.ts';
import type { Observe } from './metrics.ts';
import {
  HEARTBEATS,
  REPORT_ROUTES,
  REPORTS,
  type Said,
  takeHeartbeat,
  takeReport,
} from './routes/reports.ts';

export interface PlainPosts {
  /** What a sender is told of what is durable now; null, at once and with nothing done, for what is another's. Errors: those of the route. */
  take(request: PlainPost): Promise<Said> | null;
}

const TAKING = { [REPORTS]: takeReport, [HEARTBEATS]: takeHeartbeat } as const;

export function createPlainPosts(context: Context, observe: Observe['post']): PlainPosts {
  const kinds = new Map(
    REPORT_ROUTES.map((route) => [route.path, { route, taking: TAKING[route.path as keyof typeof TAKING] }]),
  );

  async function take({ path, authorization, contentDigest, body }: PlainPost, kind: Kind): Promise<Said> {
    const began = performance.now();
    const caller = await admit(context, kind.route, {
      ...{ authorization, looksItself: kind.route.looksItself === true, route: path },
      asked: { method: 'POST', target: path, digest: contentDigest ?? null },
      // Nobody but an agent is let in there, wherever it is.
      ...{ isLocal: false, visit: null, ofCustomers: false },
    });
    takeBody(context, caller, body);
    const said = await kind.taking(context, speakerOf(caller), body);
    observe(path, performance.now() - began);
    return said;
  }

  type Kind = NonNullable<ReturnType<typeof kinds.get>>;
  return {
    take: (request) => {
      const kind = kinds.get(request.path);
      // To a signature a pass may be the answer.
      const isByPass = request.authorization?.startsWith(`${PASS_SCHEME} `) === true;
      if (kind === undefined || !isByPass || request.body.length > (kind.route.maxBytes ?? 0)) return null;
      return take(request, kind);
    },
  };
}

interface Refusal {
  readonly error: unknown;
}

const refusals = new WeakMap<Socket, Refusal>();

/** The next request that Node's HTTP reads from this connection is the one that was refused; nothing of it is counted or tried once more. */
export function refuseAtDoor(socket: Socket, error: unknown): void {
  refusals.set(socket, { error });
}

/** Of the request that stands there now; null for all others. */
export function refusalAtDoor(socket: Socket): Refusal | null {
  const refusal = refusals.get(socket) ?? null;
  refusals.delete(socket);
  return refusal;
}
