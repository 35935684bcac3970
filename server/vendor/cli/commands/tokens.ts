// `tokens create` and `tokens rotate`: a text that only the file named for it ever holds.
import { resolve } from 'node:path';
import { writeNew } from '../../../../shared/node/named-file.ts';
import { type TokenRole, tokenReply } from '../../../../shared/protocol/fleet.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer } from '../fleet.ts';

interface Wanted {
  readonly validFor: string;
  readonly file: string;
}

export async function create(
  session: Session,
  {
    name,
    role,
    customer,
    validFor,
    file,
  }: Wanted & {
    readonly name: string;
    readonly role: TokenRole;
    readonly customer?: string;
  },
): Promise<void> {
  const body = { name, role, validFor, ...(customer === undefined ? {} : { customer }) };
  await keep(session, 'tokens-create', '/api/v1/tokens', body, file);
}

export async function rotate(
  session: Session,
  id: string,
  { validFor, overlap, file }: Wanted & { readonly overlap: string },
): Promise<void> {
  await keep(session, 'tokens-rotate', `/api/v1/tokens/${id}/rotate`, { validFor, overlap }, file);
}

/** A text that could not be kept is nobody's, so it is worth nothing a moment later. Errors: file/exists, disk/*. */
async function keep(session: Session, name: string, path: string, body: object, file: string): Promise<void> {
  const token = await askServer(session, async (server) => {
    const { token: text, ...made } = await server.post(path, body, tokenReply);
    try {
      await writeNew(resolve(file), `${text}\n`, 0o600);
    } catch (error) {
      await server.remove(`/api/v1/tokens/${made.id}`);
      throw error;
    }
    return made;
  });
  const { id, role, expires } = token;
  const line = `token ${token.name} (${role}) until ${expires}, id ${id}; its text stands in ${file} alone`;
  session.out.result(name, [line], { token, file });
}
