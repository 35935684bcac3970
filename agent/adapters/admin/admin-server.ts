// The admin API's socket: node:http on a unix socket, by file permission, with every size and count bounded.
import { chmod, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { cutText, sanitizeLine, sanitizeText } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { FairleadError, isFairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { isDirectory, makeDirectory } from '../../../shared/node/durable-file.ts';
import { setAside } from '../../../shared/node/set-aside.ts';
import { ACTOR_HEADER, MAX_ADMIN_REQUEST_BYTES } from '../../../shared/protocol/admin.ts';
import type { AdminHandler } from '../../ports/server.ts';
import { runTool } from '../machine/run-tool.ts';
import { toolEnvironment } from '../machine/surroundings.ts';
import { ADMIN_GROUP, DEFAULT_STATE_DIR, socketPathOf, verifySocketPath } from '../state/state-directory.ts';

export interface AdminServer {
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 32;
const REQUEST_TIMEOUT_MS = 10_000;
const GIVING_MS = 10_000;

/** `onError` hears of what is no refusal but a fault. Errors: agent/socket-path, disk/*. */
export async function serveAdminApi(
  path: string,
  handle: AdminHandler,
  onError: (error: unknown) => void,
): Promise<AdminServer> {
  verifySocketPath(path);
  // An import of its names would evaluate all it exports, Node's own copy of undici among it: 14 MB.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = 32;
  server.on('request', (request, response) => {
    answer(request, response, handle, onError).catch(onError);
  });
  await makeDirectory(dirname(path));
  try {
    // The state lock is held: what lies here is a dead agent's.
    if (await isDirectory(path)) await setAside(path);
    await rm(path, { force: true });
    await listen(server, path);
    // Until now it was its owner's alone.
    await giveToAdmins(path);
    await chmod(path, 0o660);
  } catch (cause) {
    throw toDiskError(path, cause);
  }
  return { close: () => close(server) };
}

/** Where root installed the agent, a group has its socket. Without the group, or the right to give to it, root alone has it. */
async function giveToAdmins(path: string): Promise<void> {
  if (path !== socketPathOf(DEFAULT_STATE_DIR)) return;
  const argv = ['chgrp', ADMIN_GROUP, path];
  await runTool({ argv, env: toolEnvironment(), workingDirectory: '/', timeoutMs: GIVING_MS });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: AdminHandler,
  onError: (error: unknown) => void,
): Promise<void> {
  try {
    const body = await readBody(request);
    const reply = await handle({
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      body,
      actor: actorOf(request),
    });
    send(response, 200, reply);
  } catch (error) {
    // Whoever left in the middle of a request is told nothing, and no fault of ours.
    if (request.destroyed && !request.complete) return;
    if (!isFairleadError(error)) onError(error);
    const known = isFairleadError(error) ? error : null;
    send(response, known?.http ?? 500, {
      error: {
        code: known?.code ?? 'internal',
        // A document's problems stand on lines of their own.
        message: cutText(sanitizeText(known?.message ?? 'the agent failed to answer'), 4000),
        hint: known?.hint ?? 'see the agent log',
        exit: known?.exit ?? EXIT.failed,
      },
    });
  }
}

/**
 * Who may connect is decided by the socket's owner, group and mode. Node cannot ask the kernel for the peer's account
 * (SO_PEERCRED), so this name is the caller's own word: good for a record among colleagues, no authority for anything.
 */
function actorOf(request: IncomingMessage): string {
  const header = request.headers[ACTOR_HEADER];
  const name = typeof header === 'string' ? sanitizeLine(header, 64).trim() : '';
  return name === '' ? 'unnamed' : name;
}

function readBody(request: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // What comes past the limit is read and dropped until the request's time is up, so that the refusal arrives.
      if (size > MAX_ADMIN_REQUEST_BYTES) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
  });
}

function tooLarge(): FairleadError {
  return new FairleadError('json/too-large', {
    source: 'the request',
    limit: 'its size in bytes',
    value: MAX_ADMIN_REQUEST_BYTES,
  });
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    connection: 'close',
  });
  response.end(body);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
