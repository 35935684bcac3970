// An agent that listens for hints, as far as the server knows it.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Hint, SUBSCRIBE_PATH } from '../../shared/protocol/hint.ts';

export interface ListeningAgent {
  readonly websocket: WebSocket;
  readonly hints: Hint[];
  /** The code with which the connection ended. */
  readonly closed: Promise<number>;
}

/** `url` without a path; `token` is its own. Answers once the connection stands. */
export async function listenForHints(url: string, token: string): Promise<ListeningAgent> {
  const headers = { authorization: `Bearer ${token}` };
  const websocket = new WebSocket(`${url.replace(/^http/, 'ws')}${SUBSCRIBE_PATH}`, { headers });
  const hints: Hint[] = [];
  websocket.on('message', (data) => void hints.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) => void websocket.once('close', resolve));
  await once(websocket, 'open');
  return { websocket, hints, closed };
}
