// How every signing command ends: changes take the stages that were signed, the server gets what it lacks.

import type { ChangeRecord } from '../../../shared/change/change.ts';
import { count } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { formatRef, type ReleaseRef } from '../../../shared/schema/release-ref.ts';
import { rememberDocuments } from '../workspace/known-documents.ts';
import type { Session } from '../workspace/passphrases.ts';
import { settleChanges } from '../workspace/settle.ts';
import type { SigningResult } from '../workspace/signing.ts';
import { signStatements } from '../workspace/statements.ts';
import { type Published, publish } from './publish.ts';

export interface Conclusion {
  /** For people: what waits, what moved, what was published. */
  readonly lines: readonly string[];
  readonly document: {
    readonly signed: readonly SigningResult[];
    readonly changes: readonly { readonly id: string; readonly stage: string }[];
    /** Null when nothing was sent: --no-publish, or keys changed and a role still lacks signatures. */
    readonly published: Published | null;
  };
}

/** Errors: those of `publish`; everything signed is kept. */
export async function conclude(session: Session, signed: readonly SigningResult[]): Promise<Conclusion> {
  const moved = await settleChanges(session);
  await rememberDocuments(session.directory);
  await signWhatMoved(session, signed, moved);
  const published = session.publish ? await publishWhatVerifies(session, signed) : null;
  const changes = moved.map((record) => ({ id: record.id, stage: lastStage(record) }));
  return {
    lines: [
      ...signed.flatMap(describeSigning),
      ...changes.map(({ id, stage }) => `${id} has passed ${stage}`),
      ...describePublished(session, published),
    ],
    document: { signed, changes, published },
  };
}

/** With the keys that were just at hand. What cannot be signed now is signed when it is asked for: it stops no release. */
async function signWhatMoved(
  session: Session,
  signed: readonly SigningResult[],
  moved: readonly ChangeRecord[],
): Promise<void> {
  if (!signed.some((result) => result.kind === 'signed' && result.role === 'releases')) return;
  for (const record of moved) {
    try {
      await signStatements(session, record);
    } catch (error) {
      if (!isFairleadError(error)) throw error;
      const next = `fairlead-vendor statements export ${record.id}`;
      session.out.note(`no statements of ${record.id}: ${error.message}; next: ${next}`);
    }
  }
}

/** Ends a command that is about one release; `about` says what was done to it, in place of its name. */
export async function concludeRelease(
  session: Session,
  name: string,
  ref: ReleaseRef,
  signed: readonly SigningResult[],
  about = formatRef(ref),
): Promise<void> {
  const { lines, document } = await conclude(session, signed);
  session.out.result(name, [about, ...lines], { release: formatRef(ref), ...document });
}

/** While a rotation waits for signatures the repository does not verify: then nothing is sent, and nothing is wrong. */
async function publishWhatVerifies(
  session: Session,
  signed: readonly SigningResult[],
): Promise<Published | null> {
  try {
    return await publish(session);
  } catch (error) {
    const isWaiting = signed.some((result) => result.kind === 'pending');
    if (isWaiting && isFairleadError(error, 'vendor/repository-invalid')) return null;
    throw error;
  }
}

function describeSigning(result: SigningResult): readonly string[] {
  switch (result.kind) {
    case 'unchanged':
      return [];
    case 'signed':
      return [`signed ${result.role} version ${result.version}`];
    case 'pending':
      return [
        `${result.role} version ${result.version} has ${result.valid} of ${result.needed} signatures and waits`,
        '  next: fairlead-vendor sign --key FILE, by the holder of another key',
      ];
  }
}

function describePublished(session: Session, published: Published | null): readonly string[] {
  if (published === null) {
    return [
      session.publish
        ? 'not published: signatures are missing'
        : 'not published; next: fairlead-vendor publish',
    ];
  }
  const { packs, metadata, targets, changes } = published;
  if (packs + metadata + targets + changes === 0) return ['the server had everything already'];
  const parts = [
    [metadata, 'metadata file'],
    [targets, 'document'],
    [packs, 'pack'],
    [changes, 'change'],
  ] as const;
  const sent = parts.filter(([number]) => number > 0).map(([number, one]) => count(number, one));
  return [`published ${sent.join(', ')}`];
}

function lastStage(record: ChangeRecord): string {
  return record.stages.at(-1)?.stage ?? 'intake';
}
