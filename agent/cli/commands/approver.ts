// fairlead approver: whose signed yes counts on this instance.

import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { EXIT, shellWord } from '../../../shared/errors/entry.ts';
import { formatTable } from '../../../shared/present/table.ts';
import { createApproverKey, readApproverKey } from '../../adapters/admin/approver-key.ts';
import { type CliContext, choosePassphrase, type PassphraseOptions, show } from '../context.ts';
import { changePolicy, type EditOptions, type KnownPolicy, showPolicy } from '../policy-edit.ts';

export const approverAnswer = z.strictObject({
  schema: z.literal('fairlead/approver@1'),
  name: z.string(),
  /** The public half. */
  key: z.string(),
  file: z.string(),
});

/** Needs no agent: an approver's key belongs on the approver's own machine. */
export async function createApprover(
  context: CliContext,
  name: string,
  options: PassphraseOptions & { readonly key: string },
): Promise<number> {
  const file = await createApproverKey(options.key, name, await choosePassphrase(context, options));
  const reply = { schema: 'fairlead/approver@1', name, key: file.public, file: options.key };
  show(context, reply, () => [
    `${options.key} holds the key of ${name}; keep it and its passphrase apart`,
    `on the instance: fairlead approver trust ${shellWord(name)} ${file.public} --reason "why"`,
  ]);
  return EXIT.ok;
}

/** `key` is the public key, or a key file to read it from. */
export async function trustApprover(
  context: CliContext,
  name: string,
  key: string,
  options: EditOptions,
): Promise<number> {
  const isFile = isAbsolute(key) || key.endsWith('.json') || key.includes('/');
  const publicKey = isFile ? (await readApproverKey(key)).public : key;
  const edit = { kind: 'approver', name, key: publicKey } as const;
  return await changePolicy(context, edit, options, renderApprovers);
}

export async function removeApprover(
  context: CliContext,
  name: string,
  options: EditOptions,
): Promise<number> {
  return await changePolicy(context, { kind: 'unapprover', name }, options, renderApprovers);
}

export async function requireApprovals(
  context: CliContext,
  required: number,
  options: EditOptions,
): Promise<number> {
  return await changePolicy(context, { kind: 'required', required }, options, renderApprovers);
}

export async function listApprovers(context: CliContext): Promise<number> {
  return await showPolicy(context, renderApprovers);
}

function renderApprovers({ policy: { approvals, channel } }: KnownPolicy): readonly string[] {
  const { approvers, required } = approvals;
  const idle = channel === 'auto' ? '; on channel auto nobody is asked' : '';
  if (approvers.length === 0) return [`Whoever may open the agent’s socket may approve${idle}.`];
  const rows = approvers.map(({ name, key }) => [name, key]);
  return [`${required} of ${approvers.length} must sign${idle}.`, ...formatTable([['NAME', 'KEY'], ...rows])];
}
