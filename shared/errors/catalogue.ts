// Every error Fairlead can raise: the areas' tables joined into one catalogue.
import { AGENT_ERRORS } from './agent.ts';
import { AUDIT_ERRORS } from './audit.ts';
import { BACKUP_ERRORS } from './backup.ts';
import { DEPLOY_ERRORS } from './deploy.ts';
import { DISK_ERRORS } from './disk.ts';
import { DOCUMENT_ERRORS } from './document.ts';
import type { ErrorEntry } from './entry.ts';
import { POLICY_ERRORS } from './policy.ts';
import { PROPOSAL_ERRORS } from './proposal.ts';
import { SERVER_ERRORS } from './server.ts';
import { SERVICE_ERRORS } from './service.ts';
import { TRANSPORT_ERRORS } from './transport.ts';
import { TREE_ERRORS } from './tree.ts';
import { TRUST_ERRORS } from './trust.ts';
import { VENDOR_ERRORS } from './vendor.ts';

export const CATALOGUE = {
  ...DOCUMENT_ERRORS,
  ...TRUST_ERRORS,
  ...TRANSPORT_ERRORS,
  ...TREE_ERRORS,
  ...DEPLOY_ERRORS,
  ...AGENT_ERRORS,
  ...AUDIT_ERRORS,
  ...BACKUP_ERRORS,
  ...DISK_ERRORS,
  ...POLICY_ERRORS,
  ...PROPOSAL_ERRORS,
  ...SERVER_ERRORS,
  ...SERVICE_ERRORS,
  ...VENDOR_ERRORS,
} as const;

export type ErrorCode = keyof typeof CATALOGUE;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(CATALOGUE, text);
}

/** The named data an error of this code must carry. */
export type ErrorData<Code extends ErrorCode> =
  (typeof CATALOGUE)[Code] extends ErrorEntry<infer Data> ? Data : never;
