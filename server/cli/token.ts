// `fairlead-server token`: made, listed and revoked, at once and beside a running server.

import { accountName } from '../../shared/cli/run.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { EXIT } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { TOKEN_LIFETIME, type TokenRole } from '../../shared/protocol/fleet.ts';
import { waitUntilKept } from '../backup/keeper.ts';
import { listTokens, makeToken } from '../db/token-lists.ts';
import { admitToken, revokeTokens } from '../db/tokens.ts';
import { type OnDirectory, withDatabase } from './home.ts';
import { type CliContext, print } from './options.ts';

interface TokenSettings extends OnDirectory {
  readonly role: TokenRole;
  readonly name: string;
  readonly validFor: number;
}

/** When a token that is made now ends, and who makes it. */
export function issued(validForMs = durationMs(TOKEN_LIFETIME)): {
  readonly expires: number;
  readonly actor: string;
} {
  return { expires: Date.now() + validForMs, actor: actor() };
}

export async function createToken(
  context: CliContext,
  { role, name, validFor, ...home }: TokenSettings,
): Promise<number> {
  const text = makeToken();
  await withDatabase(home, context, (db) =>
    admitToken(db, { text, name, role, ...issued(validFor) }, Date.now()),
  );
  print(text);
  return EXIT.ok;
}

export async function printTokens(context: CliContext, home: OnDirectory): Promise<number> {
  const tokens = await withDatabase(home, context, listTokens);
  for (const { name, role, expires } of tokens) print(`${name}  ${role}  expires ${expires}`);
  return EXIT.ok;
}

export async function revokeToken(context: CliContext, name: string, home: OnDirectory): Promise<number> {
  const revoked = await withDatabase(home, context, (db) => revokeTokens(db, name, actor(), Date.now()));
  if (revoked === 0) throw new FairleadError('server/no-such-token', { name, dir: home.dir });
  print(`revoked ${revoked} of the name ${name}`);
  await withDatabase(home, context, waitUntilKept);
  return EXIT.ok;
}

export function actor(): string {
  return `account ${accountName()}`;
}
