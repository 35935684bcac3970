// The way to a mail relay: TLS or nothing said, bounded in time and bytes, and what came of each mail in our own words.
import { connect, type Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { systemCode } from '../errors/error.ts';
import { formatMail, type Mail } from '../protocol/mail.ts';
import type { Relay } from '../schema/mail.ts';

/** What came of one mail. `refused` is for good: of the receiver's address, or of the mail as it is (RFC 5321 §4.2.1). */
export interface Posted {
  readonly verdict: 'arrived' | 'again' | 'refused';
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Null where it arrived; never a word of the relay's. */
  readonly problem: string | null;
}

export interface RelayWay {
  /** One after the other; never throws. */
  send(mail: Mail): Promise<Posted>;
  /** Whoever waits for an answer is told that there is none. */
  close(): void;
}

/** To the last answer, whatever the relay does meanwhile. */
export const POST_MS = 15_000;
/** From a relay, for one mail. Its answers are a line or two each. */
export const MOST_RELAY_BYTES = 64 * 1024;

/** The connection is kept until it is closed, or something goes wrong on it. */
export function openRelay(relay: Relay, postMs = POST_MS): RelayWay {
  let session: Session | null = null;
  let before: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const closing = new AbortController();
  const part = () => {
    session?.connection.close();
    session = null;
  };
  const send = async (mail: Mail): Promise<Posted> => {
    const limit = AbortSignal.any([AbortSignal.timeout(postMs), closing.signal]);
    try {
      limit.throwIfAborted();
      if (session === null || session.connection.destroyed) session = await begin(relay, limit);
      return await post(session, mail, limit);
    } catch (error) {
      // What else is agreed on it nobody knows.
      part();
      return closing.signal.aborted ? CLOSED : outcomeOf(error, limit, postMs);
    }
  };
  return {
    send: (mail) => {
      waiting++;
      const sending = before.then(() => send(mail)).finally(() => waiting--);
      before = sending;
      return sending;
    },
    close: () => {
      closing.abort();
      if (waiting === 0) takeLeave(session);
      else part();
      session = null;
    },
  };
}

const LEAVE_MS = 1_000;

/** RFC 5321 §4.1.1.10; nobody waits for the answer. */
function takeLeave(session: Session | null): void {
  if (session === null || session.connection.destroyed) return;
  session.connection.quit();
  setTimeout(() => session.connection.close(), LEAVE_MS).unref();
}

const CLOSED: Posted = { verdict: 'again', status: null, problem: 'no connection: it was closed here' };

interface Session {
  readonly connection: SMTPConnection;
  /** Rejects when it breaks. */
  readonly broken: Promise<never>;
  /** What was read up to now counts no more. */
  readonly countAnew: () => void;
}

/** Connected, encrypted and known there. */
async function begin({ host, port, security, login, ca }: Relay, limit: AbortSignal): Promise<Session> {
  // Loaded when the first mail is sent.
  const { default: Connection } = await import('nodemailer/lib/smtp-connection');
  const socket = await reach(host, port, limit);
  const countAnew = boundBytes(socket);
  const connection = new Connection({
    ...{ host, port, connection: socket, maxResponseSize: MOST_RELAY_BYTES, socketCloseTimeout: 0 },
    ...{ secure: security === 'tls', requireTLS: security === 'starttls', ignoreTLS: security === 'clear' },
    tls: {
      ...{ rejectUnauthorized: true, minVersion: 'TLSv1.2' },
      ...(ca.length === 0 ? {} : { ca: [...getCACertificates('default'), ...ca] }),
    },
  });
  const broken = new Promise<never>((_, reject) => connection.on('error', reject));
  // Whoever waits hears of it; nobody may be waiting.
  broken.catch(() => undefined);
  const session = { connection, broken, countAnew };
  try {
    await done(session, limit, (tell) => connection.connect(tell));
    if (login !== null) {
      const credentials = { user: login.user, pass: login.password };
      await done(session, limit, (tell) => connection.login({ credentials }, tell));
    }
    return session;
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function post(session: Session, mail: Mail, limit: AbortSignal): Promise<Posted> {
  const { connection, countAnew } = session;
  countAnew();
  const envelope = { from: mail.from, to: [mail.to] };
  const sent = await done<{ readonly response?: string }>(session, limit, (tell) =>
    connection.send(envelope, formatMail(mail), tell),
  );
  return { verdict: 'arrived', status: codeIn(sent?.response), problem: null };
}

type Tell<Value> = (error?: Error | null, value?: Value) => void;

/** A connection that is closed calls nobody back, and a relay may say nothing for ever. */
function done<Value>(
  { broken }: Session,
  limit: AbortSignal,
  act: (tell: Tell<Value>) => void,
): Promise<Value | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Value | undefined>();
  const late = () => reject(limit.reason);
  limit.addEventListener('abort', late);
  act((error, value) => (error instanceof Error ? reject(error) : resolve(value)));
  return Promise.race([promise, broken]).finally(() => limit.removeEventListener('abort', late));
}

/** By the system's own look-up, to whichever of its addresses answers. */
function reach(host: string, port: number, limit: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host, port });
  const late = () => socket.destroy(limit.reason);
  limit.addEventListener('abort', late);
  socket.once('error', reject).once('connect', () => resolve(socket.off('error', reject)));
  return promise.finally(() => limit.removeEventListener('abort', late));
}

const LOOK_MS = 20;

/** Below TLS too: an answer has a bound of its own, but empty lines are none, and nobody counts them. */
function boundBytes(socket: Socket): () => void {
  let from = 0;
  const timer = setInterval(() => {
    if (socket.bytesRead - from > MOST_RELAY_BYTES) socket.destroy();
  }, LOOK_MS).unref();
  socket.once('close', () => clearInterval(timer));
  return () => {
    from = socket.bytesRead;
  };
}

/** What a library adds to an error, all of it from the library but `response`. */
interface SmtpError extends Error {
  readonly code?: string;
  readonly originalCode?: string;
  readonly command?: string;
  readonly response?: string;
}

function outcomeOf(error: unknown, limit: AbortSignal, postMs: number): Posted {
  const failed = (problem: string): Posted => ({ verdict: 'again', status: null, problem });
  if (limit.aborted) return failed(`no answer within ${postMs / 1_000} s`);
  if (!(error instanceof Error)) return failed('no connection');
  const { command, response, code, originalCode } = error as SmtpError;
  const status = codeIn(response);
  if (status !== null) {
    const detail = detailIn(response);
    const said = detail === null ? status : `${status} ${detail}`;
    return {
      verdict: isForGood(command, status, detail) ? 'refused' : 'again',
      status,
      problem: `it answers ${said} to ${command === 'CONN' ? 'the connection' : command}`,
    };
  }
  if (code === 'EPROTOCOL') return failed('what it says is no SMTP');
  return failed(`no connection: ${originalCode ?? code ?? systemCode(error)}`);
}

/** Null for what is no answer of SMTP's. */
function codeIn(response: string | undefined): number | null {
  const digits = /^([2-5]\d\d)(?:[ -]|$)/m.exec(response ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}

/** RFC 3463: three numbers that say more, and can say nothing else. */
function detailIn(response: string | undefined): string | null {
  return /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1] ?? null;
}

/** RFC 3463 §3.2, 3.3 and 3.7: the address, its mailbox, the mail itself. The rest is of the relay, of a limit, of who sends. */
const OF_RECEIVER_OR_MAIL = /^5\.[126]\./;
/** 5.1.0 too, as Postfix says it: it judges who sends in its answer to RCPT TO. */
const OF_SENDER: ReadonlySet<string | null> = new Set(['5.1.0', '5.1.7', '5.1.8']);
/** RFC 5321 §4.2.3, where there is nothing that says more: of a mailbox. */
const OF_MAILBOX: ReadonlySet<number> = new Set([550, 551, 553]);

/** What somebody can mend without another address or another mail is not: "relay access denied", "daily limit exceeded". */
function isForGood(command: string | undefined, status: number, detail: string | null): boolean {
  if (status < 500 || (command !== 'RCPT TO' && command !== 'DATA')) return false;
  if (detail === null) return command === 'RCPT TO' && OF_MAILBOX.has(status);
  return OF_RECEIVER_OR_MAIL.test(detail) && !OF_SENDER.has(detail);
}
