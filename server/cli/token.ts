// `fairlead-server token`: made, listed and revoked, at once and beside a running server.
import { type Command, Option } from 'commander';
import { durationMs } from '../../shared/encoding/duration.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { accountName } from '../../shared/node/account-name.ts';
import { TOKEN_ROLES, type TokenRole } from '../../shared/protocol/fleet.ts';
import type { Database } from '../db/tables.ts';
import { admitToken, listTokens, makeToken, revokeTokens } from '../db/tokens.ts';
import { parseDuration } from '../options.ts';
import { type OnDirectory, onDirectory, print, withDatabase } from './database.ts';

/** A month longer than the root lives: the two never end on one day, and the token is there to publish the next root. */
const TOKEN_LIFETIME = 'P395D';

interface TokenSettings extends OnDirectory {
  readonly role: TokenRole;
  readonly name: string;
  readonly validFor: number;
}

export function addTokenCommands(token: Command): void {
  onDirectory(token.command('create').description('make a token and print it: it is never shown again'))
    .addOption(new Option('--role <role>', 'what it may do').choices(TOKEN_ROLES).makeOptionMandatory())
    .requiredOption('--name <name>', 'who or what will use it, for the audit log')
    .option('--valid-for <duration>', 'ISO 8601, such as P90D', parseDuration, durationMs(TOKEN_LIFETIME))
    .action(createToken);
  onDirectory(token.command('list').description('show the tokens that are not revoked')).action(
    ({ dir }: OnDirectory) => withDatabase(dir, printTokens),
  );
  onDirectory(
    token.command('revoke <name>').description('revoke every token of this name, at once and for good'),
  ).action((name: string, { dir }: OnDirectory) => withDatabase(dir, (db) => revokeToken(db, name, dir)));
}

/** When a token that is made now ends, and who makes it. */
export function issued(validForMs = durationMs(TOKEN_LIFETIME)): {
  readonly expires: number;
  readonly actor: string;
} {
  return { expires: Date.now() + validForMs, actor: actor() };
}

async function createToken({ dir, role, name, validFor }: TokenSettings): Promise<void> {
  const text = makeToken();
  await withDatabase(dir, (db) => admitToken(db, { text, name, role, ...issued(validFor) }, Date.now()));
  print(text);
}

async function printTokens(db: Database): Promise<void> {
  for (const { name, role, expires } of await listTokens(db)) print(`${name}  ${role}  expires ${expires}`);
}

async function revokeToken(db: Database, name: string, dir: string): Promise<void> {
  const revoked = await revokeTokens(db, name, actor(), Date.now());
  if (revoked === 0) throw new FairleadError('server/no-such-token', { name, dir });
  print(`revoked ${revoked} of the name ${name}`);
}

function actor(): string {
  return `account ${accountName()}`;
}
