// Answers as the bytes that leave: made anew when the second of their date has gone by, and given until then.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { SmallFile } from '../repository/store.ts';
import { answerOf, type HotAnswer } from './hot.ts';
import type { Said } from './routes/reports.ts';
import { isUnchanged } from './routes/repository.ts';

interface Rendered {
  readonly status: number;
  readonly head: Buffer;
  /** Null where it stands behind the head already, and where there is none. */
  readonly body: Buffer | null;
}

/** Larger ones are not copied behind their head. */
const ONE_PIECE_BYTES = 16 * 1024;
/** Of a second: few are asked for again and again. */
const MAX_KEPT = 64;

export interface Renderer {
  /** Answers the status. Null is a file that there is not. */
  send(socket: Socket, file: SmallFile | null, path: string, known: string | undefined): number;
  /** What is for this one alone, as the routes of the API answer it. */
  tell(socket: Socket, said: Said): void;
}

/** `keepAliveMs` is how long a connection may be silent between two requests. */
export function createRenderer(keepAliveMs: number): Renderer {
  const whole = new Map<SmallFile | null, Rendered>();
  const unchanged = new Map<SmallFile | null, Rendered>();
  let second = Number.NaN;
  let common = '';

  function renew(): void {
    const now = Date.now();
    if (Math.floor(now / 1000) === second) return;
    second = Math.floor(now / 1000);
    whole.clear();
    unchanged.clear();
    const date = new Date(now).toUTCString();
    common = `Date: ${date}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n\r\n`;
  }

  return {
    send: (socket, file, path, known) => {
      renew();
      const kept = file !== null && isUnchanged(known, file.etag) ? unchanged : whole;
      let rendered = kept.get(file);
      if (rendered === undefined) {
        rendered = render(answerOf(file, path, known), common);
        if (kept.size < MAX_KEPT) kept.set(file, rendered);
      }
      const { status, head, body } = rendered;
      if (body === null) socket.write(head);
      else {
        socket.cork();
        socket.write(head);
        socket.write(body);
        socket.uncork();
      }
      return status;
    },
    tell: (socket, said) => {
      renew();
      const body = JSON.stringify(said.reply);
      socket.write(`${headOf(said, Buffer.byteLength(body))}${common}${body}`);
    },
  };
}

/** In the order in which the routes' answers have them. */
function headOf({ headers }: Said, length: number): string {
  const own = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 200 OK\r\ncache-control: no-store\r\n${own}content-type: application/json; charset=utf-8\r\ncontent-length: ${length}\r\n`;
}

function render({ status, headers, body }: HotAnswer, common: string): Rendered {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  const head = Buffer.from(text + common, 'latin1');
  if (body === null || body.length > ONE_PIECE_BYTES) return { status, head, body };
  return { status, head: Buffer.concat([head, body]), body: null };
}
