// A request, and its answer as it comes: undici's own are streams of Node, which take as long to make as a short exchange lasts.
import type { Dispatcher } from 'undici';
import { systemCode } from '../../../shared/errors/error.ts';

export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AnswerBody;
}

/** The pieces may be read once, what has come meanwhile as one. Whoever reads slowly slows the server down. */
export interface AnswerBody extends AsyncIterable<Uint8Array> {
  /** Read to its end where no more than this comes, for its connection to be used again; else cut. Never throws. */
  dump(limit: number): Promise<void>;
  /** Nobody wants the rest: what is not here yet ends with its connection. */
  cut(): void;
}

export interface Question {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal: AbortSignal;
}

/** All of it as one: what little pieces would take, one by one, is a hundred times what is in them, and the server makes them. */
export async function readWhole(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let whole = new Uint8Array();
  let size = 0;
  for await (const piece of pieces) {
    if (size + piece.length > whole.length) {
      const longer = new Uint8Array(Math.max(size + piece.length, 2 * whole.length));
      longer.set(whole);
      whole = longer;
    }
    whole.set(piece, size);
    size += piece.length;
  }
  return whole.slice(0, size);
}

/** What leads to a server: nothing else of undici is used. */
export type Line = Pick<Dispatcher, 'dispatch' | 'close'>;
type Controller = Dispatcher.DispatchController;

/**
 * Resolves with the last head; the body follows. Throws what the connection does, or the signal's reason. What changes nothing is
 * asked once more where the connection ends before an answer: the server may just then have closed an idle one (RFC 9112 §9.3.1).
 */
export async function ask(line: Line, question: Question): Promise<Answer> {
  return await askOnce(line, question).catch((error: unknown) => {
    if (question.method !== 'GET' || !ENDED.has(systemCode(error))) throw error;
    return askOnce(line, question);
  });
}

/** The connection was there, and is no more. */
const ENDED: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

function askOnce(line: Line, { signal, ...question }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let pieces: Pieces | null = null;
    let controller: Controller | null = null;
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', onAbort);
      reject(error);
      pieces?.fail(error);
    };
    const onAbort = () => {
      controller?.abort(signal.reason as Error);
      fail(signal.reason);
    };
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    line.dispatch(
      { ...question, headers: { ...question.headers } },
      {
        onRequestStart(started) {
          controller = started;
          // It waited for a connection.
          if (signal.aborted) started.abort(signal.reason as Error);
        },
        onResponseStart(started, statusCode, headers) {
          if (statusCode < 200) return;
          pieces = createPieces(started, Number(headers['content-length'] ?? 0));
          resolve({ statusCode, headers, body: pieces });
        },
        onResponseData: (_, piece) => pieces?.push(piece),
        onResponseEnd() {
          signal.removeEventListener('abort', onAbort);
          // undici has its connection serve the next request a turn later: who asked at once would open another one.
          queueMicrotask(() => setImmediate(() => pieces?.end()));
        },
        onResponseError: (_, error) => fail(error),
      },
    );
  });
}

interface Pieces extends AnswerBody {
  push(piece: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
}

/** What the connection is not slowed down for. */
const ENOUGH_BYTES = 64 * 1024;

function createPieces(controller: Controller, announced: number): Pieces {
  const here: Uint8Array[] = [];
  let bytes = 0;
  let outcome: { readonly error: unknown } | 'ended' | null = null;
  let wake = () => {};
  const waited = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const next = async (): Promise<Uint8Array | null> => {
    while (here.length === 0) {
      if (outcome === 'ended') return null;
      if (outcome !== null) throw outcome.error;
      await waited();
    }
    const pieces = here.splice(0);
    bytes = 0;
    controller.resume();
    return pieces[1] === undefined && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  };
  const settle = (how: NonNullable<typeof outcome>) => {
    outcome ??= how;
    wake();
  };
  const pieces: Pieces = {
    push(piece) {
      // A piece holds on to all that it came in, which may be a thousand times as long.
      here.push(piece.length * 2 < piece.buffer.byteLength ? new Uint8Array(piece) : piece);
      bytes += piece.length;
      if (bytes >= ENOUGH_BYTES) controller.pause();
      wake();
    },
    end: () => settle('ended'),
    fail: (error) => settle({ error }),
    async *[Symbol.asyncIterator]() {
      try {
        for (let piece = await next(); piece !== null; piece = await next()) yield piece;
      } finally {
        pieces.cut();
      }
    },
    async dump(limit) {
      let room = announced > limit ? -1 : limit;
      while (outcome === null && room >= 0) {
        room -= bytes;
        here.length = 0;
        bytes = 0;
        controller.resume();
        if (outcome === null && bytes === 0 && room >= 0) await waited();
      }
      pieces.cut();
    },
    cut() {
      if (outcome === null) controller.abort(new Error('nobody reads the rest of it'));
    },
  };
  return pieces;
}
