// Commands that look at a server's directory: does the audit log hold, and what is about to end.
import type { Command } from 'commander';
import { durationMs } from '../../shared/encoding/duration.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { daysLeft, type Expiry, isUrgent, WARN_DURATION } from '../core/expiry.ts';
import { verifyAudit } from '../db/audit-chain.ts';
import { listTokenExpiries } from '../db/tokens.ts';
import { parseCheckpoint, parseDuration } from '../options.ts';
import { type AuditCheckpoint, readCheckpoint } from '../repository/audit-checkpoint.ts';
import { listMetadataExpiries, loadState } from '../repository/state.ts';
import { type OnDirectory, onDirectory, print, withDatabase } from './database.ts';

interface VerifySettings extends OnDirectory {
  readonly checkpoint?: AuditCheckpoint;
}

interface ExpirySettings extends OnDirectory {
  readonly within: number;
}

export function addInspectCommands(program: Command): void {
  const audit = program.command('audit').description('the log of everything that was changed');
  onDirectory(
    audit
      .command('verify')
      .description('walk the chain from its first entry, and hold it against the last checkpoint'),
  )
    .option(
      '--checkpoint <count:digest>',
      'also hold it against this, as an earlier verify printed it',
      parseCheckpoint,
    )
    .action(verify);
  onDirectory(
    program
      .command('expiries')
      .description('what ends when: metadata of each role, and tokens; fails when something ends soon'),
  )
    .option('--within <duration>', 'how soon is soon', parseDuration, durationMs(WARN_DURATION))
    .action(showExpiries);
}

async function verify({ dir, checkpoint }: VerifySettings): Promise<void> {
  const head = await withDatabase(dir, async (db, layout) => {
    const found = await verifyAudit(db, await readCheckpoint(layout));
    // Kept by somebody else: whoever can write here can write the server's own as well.
    if (checkpoint !== undefined) await verifyAudit(db, checkpoint, checkpoint.count);
    return found;
  });
  print(`the audit log holds: ${head.count} entries`);
  if (head.digest !== null) print(`  checkpoint  ${head.count}:${head.digest}`);
}

async function showExpiries({ dir, within }: ExpirySettings): Promise<void> {
  const now = Date.now();
  const all = await withDatabase(dir, async (db, layout) => [
    ...listMetadataExpiries(await loadState(layout)),
    ...(await listTokenExpiries(db)),
  ]);
  for (const one of all.toSorted((a, b) => a.at - b.at)) print(lineOf(one, now));
  const urgent = all.filter((one) => isUrgent(one, now, within)).toSorted((a, b) => a.at - b.at);
  const [first] = urgent;
  if (first === undefined) return;
  throw new FairleadError('server/expiring', { count: urgent.length, first: `${first.kind} ${first.name}` });
}

function lineOf(one: Expiry, now: number): string {
  const days = daysLeft(one, now);
  const left = one.at <= now ? 'EXPIRED' : `in ${days} day${days === 1 ? '' : 's'}`;
  return `${formatInstant(one.at)}  ${left.padEnd(12)}  ${one.kind} ${one.name}`;
}
