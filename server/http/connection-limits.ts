// What a row of the table of limits says; and what a connection is held to.
import { maxHeaderSize } from 'node:http';
import { type ErrorCode, isErrorCode } from '../../shared/errors/catalogue.ts';
import { MOST_STREAMS, MOST_STREAMS_OF_ONE } from '../../shared/protocol/events.ts';
import { MOST_LISTENING } from '../../shared/protocol/hint.ts';
import { HEADERS_MS } from './app.ts';
import {
  AFTER_ANSWER_MS,
  MAX_CONNECTIONS,
  MAX_CONNECTIONS_OF_ONE,
  MIN_BYTES_PER_SECOND,
  READ_GRACE_MS,
  SEND_GRACE_MS,
} from './slow-connections.ts';

/** Where it is no refusal: what becomes of the connection, of what was kept, or of the rest of a list. */
const ENDS = {
  closed: 'the connection is closed',
  forgotten: 'the oldest are forgotten',
  continued: 'the rest stands behind the header `Link`',
  more: 'the answer says that there are `more`',
  ended: 'it counts no more',
} as const;
type Beyond = ErrorCode | keyof typeof ENDS;

export interface Limit {
  readonly of: string;
  readonly bound: number;
  readonly unit: 'count' | 'bytes' | 'milliseconds' | 'characters' | 'a minute' | 'a second';
  readonly beyond: Beyond;
  /** What else there is to know, in a few words. */
  readonly note?: string;
}

export const limit = (
  of: string,
  bound: number,
  unit: Limit['unit'],
  beyond: Beyond,
  note?: string,
): Limit => ({
  ...{ of, bound, unit, beyond },
  ...(note === undefined ? {} : { note }),
});

export const CONNECTION = {
  connections: limit('connections of a server', MAX_CONNECTIONS, 'count', 'closed'),
  connectionsOfAddress: limit(
    'connections of an address',
    MAX_CONNECTIONS_OF_ONE,
    'count',
    'closed',
    'not behind a proxy, nor on this machine; an IPv6 address is its network of 64 bits',
  ),
  headersTime: limit('time for a request’s headers', HEADERS_MS, 'milliseconds', 'closed'),
  headerBytes: limit('a request’s headers', maxHeaderSize, 'bytes', 'request/invalid'),
  sending: limit(
    'time for a body',
    SEND_GRACE_MS,
    'milliseconds',
    'closed',
    `then ${MIN_BYTES_PER_SECOND} bytes a second are enough`,
  ),
  reading: limit(
    'time to take an answer',
    READ_GRACE_MS,
    'milliseconds',
    'closed',
    `then ${MIN_BYTES_PER_SECOND} bytes a second are enough`,
  ),
  listening: limit(
    'connections over which an agent hears hints',
    MOST_LISTENING,
    'count',
    'closed',
    'the oldest',
  ),
  streams: limit(
    'streams of events of a token or person',
    MOST_STREAMS_OF_ONE,
    'count',
    'request/rate-limited',
  ),
  allStreams: limit('streams of events of a process', MOST_STREAMS, 'count', 'server/busy'),
  afterAnswer: limit('time to stop sending after the answer', AFTER_ANSWER_MS, 'milliseconds', 'closed'),
};

/** In words, for people. */
export function endText(beyond: Beyond): string {
  return isErrorCode(beyond) ? `refused: \`${beyond}\`` : ENDS[beyond];
}
