// New connections that ask for what is hot, or report, in the plainest form are answered without Node's HTTP; with their first other request they are handed to it for good.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type PlainGet, type PlainPost, parsePlainRequest } from '../core/plain-request.ts';
import type { SmallFile } from '../repository/store.ts';
import { type Hot, hotPathOf } from './hot.ts';
import { type PlainPosts, refuseAtDoor } from './plain-posts.ts';
import { createRenderer, type Renderer } from './rendered-answers.ts';
import type { Said } from './routes/reports.ts';

export interface HotConnections {
  /** Those that wait for nothing end at once, the others with their answer, and all of them within that time. */
  stop(graceMs: number): void;
}

export interface HotOptions extends Hot {
  readonly posts: PlainPosts;
  /** `secureConnection` where the server speaks TLS. */
  readonly event: 'connection' | 'secureConnection';
  /** From a connection to its first request. */
  readonly firstMs: number;
}

interface Door extends HotOptions {
  /** Between two requests. */
  readonly idleMs: number;
  readonly renderer: Renderer;
  readonly open: Set<Socket>;
  isStopping: boolean;
  /** To Node's HTTP, as if the connection had just been opened. */
  pass(socket: Socket): void;
}

/** Goes before what listens by now to `event`, which is Node's HTTP. */
export function answerHotConnections(server: Server, options: HotOptions): HotConnections {
  const listeners = server.listeners(options.event);
  server.removeAllListeners(options.event);
  const idleMs = server.keepAliveTimeout;
  const door: Door = {
    ...{ ...options, idleMs, renderer: createRenderer(idleMs), open: new Set(), isStopping: false },
    pass: (socket) => {
      for (const listener of listeners) listener.call(server, socket);
    },
  };
  server.on(options.event, (socket: Socket) => {
    if (door.isStopping) door.pass(socket);
    else receive(socket, door);
  });
  return {
    stop: (graceMs) => {
      door.isStopping = true;
      // One that is paused has an answer to come.
      for (const socket of door.open) if (!socket.isPaused()) socket.destroySoon();
      const end = () => {
        for (const socket of door.open) socket.destroy();
      };
      setTimeout(end, graceMs).unref();
    },
  };
}

function receive(socket: Socket, door: Door): void {
  const listeners = {
    data: (bytes: Buffer) => {
      if (socket.timeout !== door.idleMs) socket.setTimeout(door.idleMs);
      // Who asks again before reading is paced by Node's HTTP.
      const request = socket.writableLength > 0 ? null : parsePlainRequest(bytes);
      if (request === null) handOver(bytes);
      else if (request.method === 'POST') void take(request, bytes);
      else answerFile(request, bytes);
    },
    end: () => socket.end(),
    timeout: () => socket.destroy(),
    // TLS tells of somebody who has keys agreed on anew without end, and leaves the rest to whoever listens.
    error: () => socket.destroy(),
    close: () => door.open.delete(socket),
  };

  function answerFile(request: PlainGet, bytes: Buffer): void {
    const question = questionIn(request, door);
    const file = question === null ? undefined : door.files.peek(question.path);
    if (question === null) handOver(bytes);
    else if (file !== undefined) send(socket, file, question, door);
    else void look(question, bytes);
  }

  async function take(request: PlainPost, bytes: Buffer): Promise<void> {
    const taking = door.posts.take(request);
    if (taking === null) return handOver(bytes);
    socket.pause();
    try {
      const said = await taking;
      if (socket.destroyed) return;
      tell(socket, said, door);
      socket.resume();
    } catch (error) {
      if (socket.destroyed) return;
      refuseAtDoor(socket, error);
      handOver(bytes);
    }
  }

  async function look(question: Question, bytes: Buffer): Promise<void> {
    socket.pause();
    const file = await door.files.find(question.path).catch(() => undefined);
    if (file?.kind === 'large') await file.close();
    if (socket.destroyed) return;
    // What went wrong is told there, and what is large sent.
    if (file === undefined || file?.kind === 'large') return handOver(bytes);
    send(socket, file, question, door);
    socket.resume();
  }

  function handOver(bytes: Buffer): void {
    for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
    door.open.delete(socket);
    socket.setTimeout(0);
    // While it is paused, what is put back stays before all that follows, for whoever comes to listen.
    socket.pause();
    socket.unshift(bytes);
    door.pass(socket);
    socket.resume();
  }

  for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
  door.open.add(socket);
  socket.setTimeout(door.firstMs);
}

interface Question {
  /** Below the repository. */
  readonly path: string;
  readonly known: string | undefined;
  readonly began: number;
}

/** Null for what Node's HTTP is to answer. */
function questionIn({ path: asked, ifNoneMatch: known }: PlainGet, door: Door): Question | null {
  const path = hotPathOf(asked, door);
  return path === null ? null : { path, known, began: performance.now() };
}

function send(socket: Socket, file: SmallFile | null, { path, known, began }: Question, door: Door): void {
  const status = door.renderer.send(socket, file, path, known);
  door.observe(status, performance.now() - began);
  settle(socket, door);
}

function tell(socket: Socket, said: Said, door: Door): void {
  door.renderer.tell(socket, said);
  settle(socket, door);
}

/** Behind an answer. */
function settle(socket: Socket, door: Door): void {
  if (door.isStopping) socket.destroySoon();
  else if (socket.writableLength > 0) door.watch({ complete: true, socket }, readerOf(socket));
}

/** Has what was written to it once nothing waits any more. */
function readerOf(socket: Socket): { readonly writableFinished: boolean } {
  return {
    get writableFinished() {
      return socket.writableLength === 0;
    },
  };
}
