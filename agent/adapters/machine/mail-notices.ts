// Mail to people of this install, through a relay that its operator names; and the file that says which.
import { join } from 'node:path';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { makeDirectory, removeDurably, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { parseRelay } from '../../../shared/schema/mail.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { describeAsMail, type MailFile, mailFile } from '../../core/notice-mail.ts';
import type { NoticesTold } from '../../core/notices.ts';
import { readNetwork } from '../server/network.ts';

function pathOf(stateDir: string): string {
  return join(stateDir, 'mail.json');
}

/** Null where nobody is told by mail. Errors: document/invalid, disk/unreadable. */
export async function readMailFile(stateDir: string): Promise<MailFile | null> {
  const path = pathOf(stateDir);
  const bytes = await readIfPresent(path);
  return bytes === null ? null : parseDocumentBytes(mailFile, bytes, path);
}

/** By the very reading that it gets later. Error: document/invalid. */
export function verifyMailFile(stateDir: string, said: MailFile): void {
  parseDocumentBytes(mailFile, encode(said), pathOf(stateDir));
}

/** Null forgets it. Error: disk/*. */
export async function writeMailFile(stateDir: string, said: MailFile | null): Promise<void> {
  if (said === null) return removeDurably(pathOf(stateDir));
  await makeDirectory(stateDir);
  await writeDurably(pathOf(stateDir), encode(said));
}

function encode(said: MailFile): Uint8Array {
  return utf8(`${JSON.stringify(said, null, 2)}\n`);
}

/** Straight to the relay, by the agent's own authorities. `id` is the same for each attempt. Throws why it was not taken. */
export async function postMail(
  stateDir: string,
  { to, from, smtp, login }: MailFile,
  message: NoticesTold,
  { id, at }: { readonly id: string; readonly at: number },
): Promise<void> {
  const place = parseRelay(smtp);
  if (place === null) throw new Error('its relay is none');
  // An agent that sends no mail has nothing of it in memory.
  const { openRelay } = await import('../../../shared/node/relay.ts');
  const { tls } = await readNetwork(stateDir, process.env);
  const way = openRelay({ ...place, login: login ?? null, ca: tls.ca ?? [] });
  try {
    const { problem } = await way.send({ from, to, id, at, ...describeAsMail(message) });
    if (problem !== null) throw new Error(problem);
  } finally {
    way.close();
  }
}
