// The hub: the agents that listen right now, and how a hint reaches them: framed once, the same bytes to each, nobody waited for.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Sender, WebSocket, WebSocketServer } from 'ws';
import { type Hint, MOST_LISTENING, PING_MS } from '../../shared/protocol/hint.ts';

export interface Hub {
  /** Takes the connection over, of an instance that has shown who it is. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, instance: string): void;
  /** The more listen, the longer the time over which they spread, which the hub adds. */
  tellAll(hint: Omit<Hint, 'spreadMs'>, urgency: Urgency): void;
  /** Those of them that listen here. */
  tell(instances: readonly string[], hint: Omit<Hint, 'spreadMs'>): void;
  /** It is not to listen any more. */
  drop(instance: string): void;
  /** Connections that stand. */
  count(): number;
  /** Sends everybody away, who come back to the next process. */
  stop(): void;
}

export type Urgency = 'emergency' | 'usual';

/** So many agents a second are sent to ask: a refresh is half a dozen requests. */
const PER_SECOND: Readonly<Record<Urgency, number>> = { emergency: 1_000, usual: 200 };

/** Bytes that wait for an agent that does not read: a hundred hints. */
const MOST_WAITING_BYTES = 16 * 1024;
const ROUNDS = PING_MS / 1_000;
/** For the other side's word that it is over. */
const FAREWELL_MS = 1_000;

const TEXT = 1;
const PING = 9;
/** RFC 6455 §7.4.1, and the registry: the server restarts; the other side said what it must not. */
const CLOSE_RESTART = 1012;
const CLOSE_POLICY = 1008;

/** All there is of ours of a connection: one object and no function of its own, for ten thousand stand at once. */
class Listener extends WebSocket {
  instance = '';
  socket: Duplex | null = null;
  /** Those who are pinged in the same second. */
  round: Set<Listener> | null = null;
  /** Whether anything came since the last ping. */
  lives = true;
}

function nothing(): void {}

function noteLife(this: WebSocket): void {
  if (this instanceof Listener) this.lives = true;
}

/** An agent has nothing to say here; what it has to say are requests. */
function refuse(this: WebSocket): void {
  this.close(CLOSE_POLICY, 'nothing is taken here');
}

export function createHub(): Hub {
  // Messages are a few bytes: compressing them would cost each connection more memory than all else.
  const server = new WebSocketServer({
    ...{ WebSocket: Listener, noServer: true, clientTracking: false },
    ...{ perMessageDeflate: false, maxPayload: 128 },
  });
  const listeners = new Map<string, readonly Listener[]>();
  // Each is pinged once in all rounds, and not all in the same second.
  const rounds: readonly Set<Listener>[] = Array.from({ length: ROUNDS }, () => new Set());
  let standing = 0;
  let turn = 0;

  function add(listener: Listener): void {
    const { instance } = listener;
    const others = listeners.get(instance) ?? [];
    for (const old of others.slice(0, others.length - MOST_LISTENING + 1)) old.terminate();
    listeners.set(instance, [...(listeners.get(instance) ?? []), listener]);
    listener.round = smallest(rounds).add(listener);
    standing += 1;
  }

  function remove(listener: Listener): void {
    const left = (listeners.get(listener.instance) ?? []).filter((one) => one !== listener);
    if (left.length === 0) listeners.delete(listener.instance);
    else listeners.set(listener.instance, left);
    listener.round?.delete(listener);
    standing -= 1;
  }

  function removeThis(this: WebSocket): void {
    if (this instanceof Listener) remove(this);
  }

  function pingNext(): void {
    turn = (turn + 1) % rounds.length;
    for (const listener of rounds[turn] ?? []) {
      if (!listener.lives) {
        listener.terminate();
        continue;
      }
      listener.lives = false;
      write(listener, PING_FRAME);
    }
  }

  const timer = setInterval(pingNext, PING_MS / ROUNDS).unref();
  return {
    accept(request, socket, head, instance) {
      server.handleUpgrade(request, socket, head, (listener) => {
        listener.instance = instance;
        listener.socket = socket;
        listener.on('error', nothing).on('close', removeThis).on('pong', noteLife).on('message', refuse);
        add(listener);
      });
    },
    tellAll(hint, urgency) {
      const bytes = frame({ ...hint, spreadMs: Math.ceil((standing / PER_SECOND[urgency]) * 1_000) });
      for (const ofOne of listeners.values()) for (const listener of ofOne) write(listener, bytes);
    },
    tell(instances, hint) {
      const spreadMs = Math.ceil((instances.length / PER_SECOND.usual) * 1_000);
      const bytes = frame({ ...hint, spreadMs });
      for (const instance of instances) {
        for (const listener of listeners.get(instance) ?? []) write(listener, bytes);
      }
    },
    drop(instance) {
      for (const listener of listeners.get(instance) ?? []) listener.terminate();
    },
    count: () => standing,
    stop() {
      clearInterval(timer);
      const all = [...listeners.values()].flat();
      for (const listener of all) listener.close(CLOSE_RESTART, 'the server restarts');
      setTimeout(() => {
        for (const listener of all) listener.terminate();
      }, FAREWELL_MS).unref();
    },
  };
}

/** Who does not read is let go: the next hint finds it again. */
function write(listener: Listener, bytes: Buffer): void {
  const { socket } = listener;
  if ((socket?.writableLength ?? 0) > MOST_WAITING_BYTES) listener.terminate();
  else socket?.write(bytes);
}

function smallest(rounds: readonly Set<Listener>[]): Set<Listener> {
  return rounds.reduce((least, round) => (round.size < least.size ? round : least));
}

const PING_FRAME = frameOf(Buffer.alloc(0), PING);

function frame(hint: Hint): Buffer {
  return frameOf(Buffer.from(JSON.stringify(hint)), TEXT);
}

function frameOf(data: Buffer, opcode: number): Buffer {
  const options = { fin: true, opcode, mask: false, rsv1: false, readOnly: true };
  return Buffer.concat(Sender.frame(data, options));
}
