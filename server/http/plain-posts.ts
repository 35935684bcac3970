// Reports and heartbeats at the door: taken by the very functions of their routes, and what is refused there is told by the routes.
import type { Socket } from 'node:net';
import { PASS_HEADER } from '../../shared/protocol/pass.ts';
import type { Context } from '../context.ts';
import type { PlainPost } from '../core/plain-request.ts';
import { admit, type Caller, speakerOf, takeBody } from './access.ts';
import type { Observe } from './metrics.ts';
import {
  HEARTBEATS,
  REPORT_ROUTES,
  REPORTS,
  type Said,
  takeHeartbeat,
  takeReport,
} from './routes/reports.ts';
import { offerPass } from './speaker.ts';

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
    const offer = await passFor(caller, context);
    takeBody(context, caller, body);
    const { reply, headers } = await kind.taking(context, speakerOf(caller), body);
    observe(path, performance.now() - began);
    return { reply, headers: offer === null ? headers : [[PASS_HEADER, offer], ...headers] };
  }

  type Kind = NonNullable<ReturnType<typeof kinds.get>>;
  return {
    take: (request) => {
      const kind = kinds.get(request.path);
      if (kind === undefined || request.body.length > (kind.route.maxBytes ?? 0)) return null;
      return take(request, kind);
    },
  };
}

/** For one who asks for it with a signature. Without one an agent signs on: that none can be had stops no request. */
export async function passFor(caller: Caller, { passKeys, now, log }: Context): Promise<string | null> {
  if (caller.kind !== 'agent' || caller.by.kind !== 'signature' || caller.by.asks === null) return null;
  try {
    return await offerPass(passKeys, { speaker: speakerOf(caller), asks: caller.by.asks }, now());
  } catch (err) {
    log.warn({ err }, 'no pass could be given: agents sign each request');
    return null;
  }
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
