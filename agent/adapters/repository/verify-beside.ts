// Verifies the metadata of targets roles: small files at once, large ones in a thread, so that the agent answers meanwhile.
import { FairleadError, isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import type { OwnPath } from '../../../shared/node/own-parts.ts';
import { startOnDemand, startThread } from '../../../shared/node/thread.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import type { FileMeta, TargetFile, Targets } from '../../../shared/trust/metadata.ts';
import { type Signer, verifyTargets } from '../../../shared/trust/rules.ts';
import type { VerifyTargets } from '../../ports/server.ts';

export type VerifyQuestion =
  | {
      readonly kind: 'verify';
      readonly role: string;
      readonly signer: Signer;
      readonly expected: FileMeta;
      readonly bytes: Uint8Array;
    }
  /** So many of the targets of the file that was verified last: all at once they would be a long turn again. */
  | { readonly kind: 'part'; readonly from: number; readonly count: number };

export type VerifyAnswer =
  | { readonly kind: 'verify'; readonly head: Omit<Targets, 'targets'>; readonly count: number }
  | { readonly kind: 'part'; readonly targets: readonly (readonly [string, TargetFile])[] };

/** A vendor with a few hundred releases has less; reading so much takes a few milliseconds. */
const SMALL_BYTES = 128 * 1024;
const TARGETS_AT_ONCE = 1_000;
/** Files follow each other within a refresh; what the thread took is given back after it. */
const IDLE_MS = 2_000;
/** Eight times the largest file, and what Node itself takes. */
const HEAP_MB = 192;
const THREAD = 'agent/adapters/repository/verify-thread.ts';

export function createVerifyTargets(module: OwnPath = THREAD): VerifyTargets {
  const thread = startOnDemand<VerifyQuestion, VerifyAnswer>(
    () => startThread(module, { limits: { maxOldGenerationSizeMb: HEAP_MB } }),
    IDLE_MS,
  );
  const ask = async <Kind extends VerifyQuestion['kind']>(
    question: VerifyQuestion & { readonly kind: Kind },
  ) => (await thread.ask(question)) as VerifyAnswer & { readonly kind: Kind };
  // The thread remembers one file: its parts are all asked for before it is given another.
  const inTurn = createTurns();
  const verifyThere: VerifyTargets = async (role, signer, expected, bytes) => {
    const { head, count } = await ask({ kind: 'verify', role, signer, expected, bytes });
    const targets = new Map<string, TargetFile>();
    while (targets.size < count) {
      const part = await ask({ kind: 'part', from: targets.size, count: TARGETS_AT_ONCE });
      if (part.targets.length === 0) throw new Error('the thread has begun anew');
      for (const [path, target] of part.targets) targets.set(path, target);
    }
    return { ...head, targets };
  };
  return async (role, signer, expected, bytes) => {
    if (bytes.length <= SMALL_BYTES) return verifyTargets(role, signer, expected, bytes);
    try {
      return await inTurn(() => verifyThere(role, signer, expected, bytes));
    } catch (cause) {
      if (isFairleadError(cause)) throw cause;
      // A machine that has no thread left still gets its forced patch: slowly is better than never.
      if (systemCode(cause) !== 'ERR_WORKER_OUT_OF_MEMORY')
        return verifyTargets(role, signer, expected, bytes);
      const problem = 'reading it took more memory than a file of this size may take';
      throw new FairleadError('trust/malformed', { role, problem }, { cause });
    }
  };
}
