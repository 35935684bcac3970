// The command-line program's side of the admin socket: one request, one checked answer, or the agent's own error.
import type { z } from 'zod';
import { accountName } from '../../../shared/cli/run.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { ACTOR_HEADER, adminError } from '../../../shared/protocol/admin.ts';
import { parseNewerBytes } from '../../../shared/schema/newer-document.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { startCommand } from '../machine/agent-unit.ts';
import { socketPathOf, verifySocketPath } from '../state/state-directory.ts';

export interface AdminClient {
  /** Errors: agent/socket-path, agent/not-running, agent/went-away, agent/silent, agent/no-access, agent/refused. */
  call<Schema extends z.ZodType>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    reply: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>>;
}

const MAX_REPLY_BYTES = 32 * 1024 * 1024;
const LIMITS = { maxBytes: MAX_REPLY_BYTES, maxDepth: 32, maxNodes: 2_000_000 };

/** What is only asked is answered in seconds: an agent that takes longer hangs. What it is told to do takes what it takes. */
const PATIENCE_MS = 60_000;

export function createAdminClient(stateDir: string, patienceMs = PATIENCE_MS): AdminClient {
  const socket = socketPathOf(stateDir);
  return {
    async call(method, path, reply, body) {
      verifySocketPath(socket);
      const timeout = method === 'GET' ? patienceMs : 0;
      const answer = await exchange({ socketPath: socket, method, path, timeout }, body).catch((cause) => {
        throw toSocketError(cause, socket, stateDir);
      });
      // An agent that has updated itself may be newer than this command.
      if (answer.status === 200) return parseNewerBytes(reply, answer.body, 'the agent’s answer', LIMITS);
      const { error } = parseDocumentBytes(adminError, answer.body, 'the agent’s answer');
      throw new FairleadError('agent/refused', error);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

interface Asked {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  /** Milliseconds without a byte; 0 is no limit. */
  readonly timeout: number;
}

/** Whether the agent that runs is older than this program, and has never heard of what it was asked. */
export function isUnknownToAgent(error: unknown): boolean {
  return isFairleadError(error, 'agent/refused') && error.data.code === 'agent/unknown-request';
}

function exchange(asked: Asked, body: unknown): Promise<Answer> {
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  // As in admin-server.ts: an import would load twice as much as the whole command.
  const { request } = process.getBuiltinModule('node:http');
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...asked,
      headers: {
        [ACTOR_HEADER]: accountName(),
        'content-length': bytes.length,
      },
    });
    outgoing.once('error', reject);
    outgoing.once('timeout', () => {
      const { socketPath: socket, timeout } = asked;
      outgoing.destroy(new FairleadError('agent/silent', { socket, seconds: timeout / 1000 }));
    });
    outgoing.once('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    outgoing.end(bytes);
  });
}

function toSocketError(cause: unknown, socket: string, stateDir: string): FairleadError {
  if (isFairleadError(cause)) return cause;
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  if (code === 'EACCES' || code === 'EPERM')
    return new FairleadError('agent/no-access', { socket }, { cause });
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return new FairleadError('agent/went-away', { socket }, { cause });
  return new FairleadError('agent/not-running', { socket, start: startCommand(stateDir) }, { cause });
}
