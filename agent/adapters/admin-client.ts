// The command-line program's side of the admin socket: one request, one checked answer, or the agent's own error.
import type { z } from 'zod';
import { FairleadError } from '../../shared/errors/error.ts';
import { ACTOR_HEADER, adminError } from '../../shared/protocol/admin.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { accountName } from './account-name.ts';
import { startCommand } from './start-command.ts';
import { socketPathOf, verifySocketPath } from './state-paths.ts';

export interface AdminClient {
  /** Errors: agent/socket-path, agent/not-running, agent/went-away, agent/no-access, agent/refused. */
  call<Schema extends z.ZodType>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    reply: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>>;
}

const MAX_REPLY_BYTES = 32 * 1024 * 1024;
const LIMITS = { maxBytes: MAX_REPLY_BYTES, maxDepth: 32, maxNodes: 2_000_000 };

export function createAdminClient(stateDir: string): AdminClient {
  const socket = socketPathOf(stateDir);
  return {
    async call(method, path, reply, body) {
      verifySocketPath(socket);
      const answer = await exchange(socket, method, path, body).catch((cause) => {
        throw toSocketError(cause, socket, stateDir);
      });
      if (answer.status === 200) return parseDocumentBytes(reply, answer.body, 'the agent’s answer', LIMITS);
      const { error } = parseDocumentBytes(adminError, answer.body, 'the agent’s answer');
      throw new FairleadError('agent/refused', error);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

function exchange(socketPath: string, method: string, path: string, body: unknown): Promise<Answer> {
  const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  // As in admin-server.ts: an import would load twice as much as the whole command.
  const { request } = process.getBuiltinModule('node:http');
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath,
      method,
      path,
      headers: {
        [ACTOR_HEADER]: accountName(),
        'content-length': bytes.length,
      },
    });
    outgoing.once('error', reject);
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
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  if (code === 'EACCES' || code === 'EPERM')
    return new FairleadError('agent/no-access', { socket }, { cause });
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return new FairleadError('agent/went-away', { socket }, { cause });
  return new FairleadError('agent/not-running', { socket, start: startCommand(stateDir) }, { cause });
}
