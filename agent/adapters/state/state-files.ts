// The small documents that the agent keeps for itself, each under its name in the state directory.
import { join } from 'node:path';
import type { z } from 'zod';
import { verifyReply } from '../../../shared/protocol/admin.ts';
import { saidFacts } from '../../../shared/protocol/facts.ts';
import { approvalsFile } from '../../core/approvals.ts';
import { decisionRecord } from '../../core/conclude.ts';
import { toldFile } from '../../core/notices.ts';
import { outbox, reportingFile } from '../../core/outbox.ts';
import { proposalsFile } from '../../core/proposals.ts';
import { receiptsFile } from '../../core/receipts.ts';
import type { JsonStore } from '../../ports/state.ts';
import { createJsonFile } from '../files/json-file.ts';
import { readKeptRoots } from '../repository/trust-store.ts';
import { mendDirectories } from './state-directory.ts';

/** Written by every report: its time is that of the last. */
export const OUTBOX_FILE = 'outbox/state.json';

/** Beside the log that it vouches for. */
export const RECEIPTS_FILE = 'audit/server-receipts.json';

/** `onDamage` hears of a document that cannot be read and counts as absent. Nothing is touched before it is read. */
export function createStateFiles(stateDir: string, onDamage: (problem: string) => void) {
  const fileOf = <Document>(name: string, schema: z.ZodType<Document>): JsonStore<Document> =>
    createJsonFile(join(stateDir, name), schema, onDamage);
  return {
    approvals: fileOf('approvals/receipts.json', approvalsFile),
    outbox: fileOf(OUTBOX_FILE, outbox),
    told: fileOf('told.json', toldFile),
    facts: fileOf('facts.json', saidFacts),
    proposals: fileOf('proposals.json', proposalsFile),
    verification: fileOf('verification.json', verifyReply),
    decisions: fileOf('decision.json', decisionRecord),
    receipts: fileOf(RECEIPTS_FILE, receiptsFile),
    reporting: fileOf('reporting.json', reportingFile),
    keptRoots: () => readKeptRoots(join(stateDir, 'trust')),
    mendDirectories: () => mendDirectories(stateDir),
  };
}
