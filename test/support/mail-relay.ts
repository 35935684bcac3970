// A mail relay on this machine: it speaks SMTP with TLS and a login, writes down what it takes, and misbehaves as the test says.
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface TakenMail {
  readonly from: string;
  readonly to: string;
  readonly user: string | null;
  readonly isSecure: boolean;
  /** As it came, without what doubles its dots. */
  readonly raw: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Decoded. */
  readonly text: string;
}

export interface MailRelay {
  readonly port: number;
  readonly taken: TakenMail[];
  /** As it came, of each that was all there and was not taken. */
  readonly refused: string[];
  /** Each command as it came, logins without what they prove. */
  readonly heard: string[];
  /** In place of what it would say: to a command by its first word, to `CONNECT`, and to `MESSAGE` when all of a mail is there. */
  answer: (command: string, socket: Socket) => string | null | undefined;
  /** Connections that are open now. */
  readonly open: Set<Socket>;
  close(): Promise<void>;
}

export interface MailRelayOptions {
  /** In PEM; without one it speaks no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** TLS from the first byte on. */
  readonly isImplicit?: boolean;
  readonly login?: { readonly user: string; readonly password: string };
}

/** `port` is a free one unless given: a relay that comes back is where it was. */
export async function startMailRelay(options: MailRelayOptions = {}, port = 0): Promise<MailRelay> {
  const relay: Omit<MailRelay, 'port' | 'close'> = {
    taken: [],
    refused: [],
    heard: [],
    answer: () => undefined,
    open: new Set(),
  };
  const server = createServer((socket) => {
    relay.open.add(socket);
    socket.on('close', () => relay.open.delete(socket)).on('error', () => undefined);
    converse(relay, options.isImplicit === true ? secured(socket, options) : socket, options);
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return Object.assign(relay, {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of relay.open) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  });
}

function secured(socket: Socket, { tls }: MailRelayOptions): TLSSocket {
  const secureContext = createSecureContext({ ...tls });
  return new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined);
}

/** Answers whether that was a yes. */
type Say = (command: string, usual: string) => boolean;

function converse(
  relay: Omit<MailRelay, 'port' | 'close'>,
  first: Socket,
  options: MailRelayOptions,
  isAgain = false,
): void {
  const socket = first;
  let [rest, data, user, from, to] = ['', null as string | null, null as string | null, '', ''];
  const isSecure = () => socket instanceof TLSSocket;
  const say: Say = (command, usual) => {
    const said = relay.answer(command, socket);
    if (said !== null) socket.write(`${said ?? usual}\r\n`);
    return /^[23]/.test(said ?? (said === null ? '' : usual));
  };
  const logIn = (given: string, password: string) => {
    const isKnown = given === options.login?.user && password === options.login.password;
    user = isKnown ? given : null;
    say('LOGIN', isKnown ? '235 2.7.0 welcome' : '535 5.7.8 not you');
  };
  const commands: Readonly<Record<string, (words: string) => unknown>> = {
    EHLO: () => {
      const offers = ['PIPELINING', 'SIZE 1000000'];
      if (options.tls !== undefined && !isSecure()) offers.push('STARTTLS');
      if (options.login !== undefined) offers.push('AUTH PLAIN LOGIN');
      say(
        'EHLO',
        ['relay.test', ...offers].map((one, i) => `250${i < offers.length ? '-' : ' '}${one}`).join('\r\n'),
      );
    },
    STARTTLS: () => {
      if (options.tls === undefined) return say('STARTTLS', '502 5.5.1 no');
      say('STARTTLS', '220 go on');
      socket.removeAllListeners('data');
      converse(relay, secured(socket, options), options, true);
    },
    AUTH: (words) => {
      const [kind = '', initial = ''] = words.split(' ');
      if (kind !== 'PLAIN') return say('AUTH', '504 no');
      const [, given = '', password = ''] = Buffer.from(initial, 'base64').toString().split('\0');
      logIn(given, password);
    },
    MAIL: (words) => {
      from = /<(.*)>/.exec(words)?.[1] ?? '';
      const isAllowed = options.login === undefined || user !== null;
      say('MAIL', isAllowed ? '250 2.1.0 ok' : '530 5.7.0 who are you');
    },
    RCPT: (words) => {
      to = say('RCPT', '250 2.1.5 ok') ? (/<(.*)>/.exec(words)?.[1] ?? '') : '';
    },
    DATA: () => {
      if (say('DATA', to === '' ? '503 5.5.1 for whom' : '354 go on')) data = '';
    },
    RSET: () => say('RSET', '250 ok'),
    QUIT: () => say('QUIT', '221 bye'),
  };
  const take = (line: string) => {
    if (data !== null) {
      if (line !== '.') {
        data += `${line.replace(/^\./, '')}\r\n`;
        return;
      }
      const raw = data;
      data = null;
      if (say('MESSAGE', '250 2.0.0 queued')) {
        relay.taken.push({ ...{ from, to, user, isSecure: isSecure(), raw }, ...readMail(raw) });
      } else {
        relay.refused.push(raw);
      }
      return;
    }
    const [word = '', ...words] = line.split(' ');
    relay.heard.push(word === 'AUTH' ? `AUTH ${words[0]}` : line);
    const command = commands[word.toUpperCase()];
    if (command === undefined) say(word, '500 what');
    else command(words.join(' '));
  };
  socket.on('data', (bytes) => {
    const lines = (rest + bytes.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  if (!isAgain) say('CONNECT', '220 relay.test');
}

/** Written from RFC 5322, 2045 and 2047, and by none of the product's code. */
export function readMail(raw: string): Pick<TakenMail, 'headers' | 'text'> {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      decodeWords(line.slice(line.indexOf(':') + 2)),
    ]),
  );
  const bytes = raw
    .slice(end + 4)
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { headers, text: Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n') };
}

function decodeWords(value: string): string {
  return value
    .replace(/\?= =\?/g, '?==?')
    .replace(/=\?utf-8\?B\?([^?]*)\?=/g, (_, word: string) => Buffer.from(word, 'base64').toString('utf8'));
}
