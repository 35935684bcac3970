// How people of this install are told: a webhook of theirs, mail, a command of theirs as another account, a file of numbers; and the file that says which.
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError, systemCode, toDiskError } from '../../../shared/errors/error.ts';
import { writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import {
  formatMessage,
  hasArrived,
  type SignedMessage,
  signatureHeaders,
} from '../../../shared/protocol/standard-webhooks.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type NoticesFile, type NoticesTold, noticesFile, type Sink } from '../../core/notices.ts';
import type { Log, Notices } from '../../ports/machine.ts';
import { ask } from '../server/ask.ts';
import { createDispatchers } from '../server/dispatchers.ts';
import { readNetwork, withoutOwnCertificate } from '../server/network.ts';
import { postMail, readMailFile } from './mail-notices.ts';
import { runCommand } from './run-command.ts';

const SEND_MS = 20_000;
const TYPE = 'install.notices';

export function noticesPathOf(stateDir: string): string {
  return join(stateDir, 'notices.json');
}

/** Null where nothing was said. Errors: document/invalid, disk/unreadable. */
export async function readNoticesFile(stateDir: string): Promise<NoticesFile | null> {
  const path = noticesPathOf(stateDir);
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(noticesFile, bytes, path);
}

/** Errors: document/invalid, disk/*. */
export async function writeNoticesFile(stateDir: string, said: NoticesFile): Promise<void> {
  const path = noticesPathOf(stateDir);
  const bytes = utf8(`${JSON.stringify(said, null, 2)}\n`);
  // By the very reading that it gets later.
  parseDocumentBytes(noticesFile, bytes, path);
  await writeDurably(path, bytes);
}

export function createNotices(stateDir: string, log: Pick<Log, 'warn'>, now: () => number): Notices {
  const ids = createIds();
  const send = async (sink: Sink, message: NoticesTold): Promise<void> => {
    const config = sink === 'mail' ? null : await readNoticesFile(stateDir);
    const mail = sink === 'mail' ? await readMailFile(stateDir) : null;
    const body = formatMessage(TYPE, formatInstant(now()), message);
    const id = ids.of(sink, message);
    if (sink === 'webhook' && config?.webhook !== undefined) {
      await post(stateDir, config.webhook, { id, timestamp: Math.floor(now() / 1_000), body });
    }
    if (sink === 'program' && config?.program !== undefined) await call(config.program, body);
    if (mail !== null) await postMail(stateDir, mail, message, { id, at: now() });
    ids.taken(sink, id);
  };
  // A slip in a file is a person's: no reason to hold a round up, nor to tell nobody of those in the other.
  const orNobody = (err: unknown): null => {
    log.warn({ err }, 'where people want to be told cannot be read');
    return null;
  };
  return {
    config: async () => {
      const said = await readNoticesFile(stateDir).catch(orNobody);
      const mail = await readMailFile(stateDir).catch(orNobody);
      return mail === null ? said : { schema: 'fairlead/notices@1', ...said, mail };
    },
    send: (sink, message) =>
      send(sink, message).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    writeTextfile,
  };
}

/** What is tried again has the id that it had, for as long as it says the same: who took it and could not say so knows it again. */
function createIds() {
  const tried = new Map<Sink, { readonly says: string; readonly id: string }>();
  return {
    of: (sink: Sink, { notices }: NoticesTold) => {
      const says = JSON.stringify(notices.map(({ kind, text }) => [kind, text]));
      const known = tried.get(sink);
      const one = known?.says === says ? known : { says, id: `msg_${randomUUID()}` };
      // A test between two attempts leaves what is tried as it is.
      if (!notices.some(({ kind }) => kind === 'test')) tried.set(sink, one);
      return one.id;
    },
    taken: (sink: Sink, id: string) => {
      if (tried.get(sink)?.id === id) tried.delete(sink);
    },
  };
}

/**
 * Another account reads it, whatever this one's mask; a power cut may cost it, and the next round makes it again. That account may
 * own the directory, and plant a link under a name that it can guess: the file is new, and gets its mode by its handle.
 */
async function writeTextfile(directory: string, text: string): Promise<void> {
  const path = join(directory, 'fairlead.prom');
  const temporary = join(directory, `.fairlead.prom.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(text);
      await file.chmod(0o644);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (systemCode(cause) === 'EROFS') throw new FairleadError('notify/read-only', { directory }, { cause });
    throw toDiskError(path, cause, text.length);
  }
}

/** Wherever the operator says, inside or outside; through the agent's own proxies and authorities. */
async function post(
  stateDir: string,
  { url, secret }: NonNullable<NoticesFile['webhook']>,
  message: SignedMessage,
): Promise<void> {
  const dispatchers = createDispatchers(withoutOwnCertificate(await readNetwork(stateDir, process.env)));
  try {
    const { origin, pathname, search } = new URL(url);
    const signed = signatureHeaders(message, secret === undefined ? [] : [secret]);
    const answer = await ask(await dispatchers.direct(url), {
      ...{ origin, path: pathname + search, method: 'POST', body: message.body },
      headers: { 'content-type': 'application/json', ...(secret === undefined ? {} : signed) },
      signal: AbortSignal.timeout(SEND_MS),
    });
    // Nothing of it is of interest.
    answer.body.cut();
    if (!hasArrived({ status: answer.statusCode })) throw new Error(`it answers ${answer.statusCode}`);
  } finally {
    await dispatchers.close().catch(() => undefined);
  }
}

/** Its whole group ends with its time. */
async function call({ exec, user }: NonNullable<NoticesFile['program']>, body: string): Promise<void> {
  const limit = AbortSignal.timeout(SEND_MS);
  const directory = tmpdir();
  const spec = { exec, env: {}, workingDirectory: '/', dataDirectory: directory, user, input: `${body}\n` };
  const { ending, lastLine } = await runCommand(spec, limit).catch((error: unknown) => {
    if (limit.aborted) throw new Error(`it did not end within ${SEND_MS / 1_000} s`);
    throw isFairleadError(error) ? error : new Error('it cannot be started', { cause: error });
  });
  if (ending !== 'exit status 0') throw new Error(`${ending}: ${lastLine}`);
}
