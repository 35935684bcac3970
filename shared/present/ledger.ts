// What was found of a ledger, in lines for people and as a value: the same from all three programs.
import { z } from 'zod';
import { count } from '../errors/entry.ts';
import type { LedgerFound } from '../protocol/ledgers.ts';
import { formatCheckpoint } from '../schema/audit-chain.ts';
import { instant } from '../schema/common.ts';

/** What stands beside the count of entries where a ledger was held against something. */
export const heldShape = {
  /** Whose log it is. */
  ledger: z.enum(['install', 'server', 'vendor']).optional(),
  /** Receipts and heads that it was held against. */
  held: z.int().optional(),
  /** Up to which entry they reach. */
  reaches: z.int().optional(),
  /** What restores took away of it. */
  gone: z.array(z.strictObject({ restored: instant, from: z.int(), to: z.int(), heads: z.int() })).optional(),
};

export function heldOf({ kind, held, reaches, gone }: LedgerFound) {
  return held === 0 ? { ledger: kind } : { ledger: kind, held, reaches, gone: [...gone] };
}

export function entriesOf({ head }: LedgerFound): string {
  return count(head.count, 'entry', 'entries');
}

/** What was held against it, up to where, and what is gone. */
export function describeHeld({ head, held, reaches, gone }: LedgerFound): readonly string[] {
  if (held === 0) return [];
  const after = head.count - reaches;
  return [
    `it is the log that ${count(held, 'receipt or head', 'receipts and heads')} ${held === 1 ? 'names' : 'name'}, up to entry ${reaches}`,
    ...(after === 0
      ? []
      : [`for ${count(after, 'entry', 'entries')} after that nothing speaks but the chain`]),
    ...gone.map(
      ({ restored, from, to, heads }) =>
        `gone with the restore of ${restored}: entries up to ${to}, of which ${count(heads, 'receipt or head', 'receipts and heads')} ${heads === 1 ? 'names' : 'name'} ${from === to ? `entry ${to}` : `${from} to ${to}`}`,
    ),
  ];
}

/** To be kept elsewhere. */
export function checkpointOf({ head }: LedgerFound): string {
  return formatCheckpoint(head);
}
