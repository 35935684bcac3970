// An instance whose agent does not run, as its state directory tells: read, without a lock, and never written.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { manifestDigest } from '../../shared/compile/plan.ts';
import { formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import { EXIT } from '../../shared/errors/entry.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import { statusReply } from '../../shared/protocol/admin.ts';
import { CHANNELS } from '../../shared/protocol/report.ts';
import { digest, instant } from '../../shared/schema/common.ts';
import { decision } from '../../shared/schema/decision.ts';
import {
  type DeploymentRecord,
  deploymentRecord,
  isFinal,
  manifestComponent,
} from '../../shared/schema/deployment.ts';
import { startCommand } from '../adapters/machine/agent-unit.ts';
import { readEnrolment } from '../adapters/server/enrolment-file.ts';
import { createAuditFile } from '../adapters/state/audit-file.ts';
import { createDeploymentStore } from '../adapters/state/deployment-store.ts';
import { createSettings } from '../adapters/state/settings.ts';
import { createStateFiles, OUTBOX_FILE } from '../adapters/state/state-files.ts';
import type { CliContext } from './context.ts';

// Whatever an earlier agent wrote: a version that is none is shown as it stands.
const quarantined = statusReply.shape.quarantine.element.extend({ version: z.string() });

/** `--json` prints it as it is. */
export const atRest = z.strictObject({
  schema: z.literal('fairlead/status-at-rest@1'),
  at: instant,
  instance: z.strictObject({ id: z.string(), name: z.string(), server: z.string() }),
  agent: z.strictObject({
    /** `killed`: it left no word of its end. */
    ended: z.enum(['in-order', 'killed', 'never-ran']),
    /** The end, or the last trace before it. */
    since: instant.nullable(),
    /** The command that starts it. */
    start: z.string(),
  }),
  /** Null when the policy cannot be read. */
  channel: z.enum(CHANNELS).nullable(),
  generation: z.int().nullable(),
  manifest: digest.nullable(),
  components: z.array(manifestComponent.omit({ release: true })),
  /** What was decided last, and since when. */
  decided: z.strictObject({ since: instant, decision }).nullable(),
  /** A deployment that the next start of the agent ends. */
  unfinished: deploymentRecord.nullable(),
  quarantine: z.array(quarantined),
  /** What on the disk cannot be read. */
  problems: z.array(z.string()),
});

export type AtRest = z.output<typeof atRest>;

/**
 * Asks the agent; where none runs, `tell` says what the disk holds and the exit status is 3.
 * Errors: enrolment/missing; agent/not-running where this account may not read the state directory.
 */
export async function askOrLook(
  context: CliContext,
  ask: () => Promise<number>,
  tell: (rest: AtRest, records: readonly DeploymentRecord[]) => void | Promise<void>,
): Promise<number> {
  try {
    return await ask();
  } catch (error) {
    if (!isFairleadError(error, 'agent/not-running')) throw error;
    const found = await lookAt(context).catch((unreadable: unknown) => {
      throw isFairleadError(unreadable, 'enrolment/missing') ? unreadable : error;
    });
    await tell(found.rest, found.records);
    return EXIT.unreachable;
  }
}

async function lookAt({ stateDir, clock }: CliContext) {
  const enrolment = await readEnrolment(stateDir);
  if (enrolment === null) throw new FairleadError('enrolment/missing', { stateDir });
  const problems: string[] = [];
  const onDamage = (error: unknown) =>
    void problems.push(isFairleadError(error) ? error.message : 'a damaged file');
  const store = createDeploymentStore({ stateDir, treeDirectoryOf: (tree) => tree, onDamage });
  const number = await store.currentNumber();
  const [generations, records] = [await store.generations(), await store.records()];
  const current = generations.find((one) => one.number === number);
  const policy = await createSettings(stateDir, '').policy();
  const decided = await createStateFiles(stateDir, (problem) => void problems.push(problem)).decisions.read();
  if (policy.kind === 'unreadable') problems.push(policy.problem);
  const last = records.at(-1);
  const rest: AtRest = {
    schema: 'fairlead/status-at-rest@1',
    at: formatInstant(clock.now()),
    instance: { id: enrolment.instance, name: enrolment.name, server: enrolment.server },
    agent: { ...(await lastRun(stateDir, clock, onDamage)), start: startCommand(stateDir) },
    channel: policy.kind === 'readable' ? policy.policy.channel : null,
    generation: number,
    manifest: current === undefined ? null : manifestDigest(current.manifest),
    components: (current?.manifest.components ?? []).map(({ release: _release, ...component }) => component),
    decided: decided === null ? null : { since: decided.since, decision: decided.decision },
    unfinished: last === undefined || isFinal(last.state) ? null : last,
    quarantine: (await store.quarantine()).map(({ release: _release, ...entry }) => entry),
    problems,
  };
  return { rest, records };
}

/** The audit log has the agent's word; where that is missing, the last report it wrote is its last trace. */
async function lastRun(
  stateDir: string,
  clock: CliContext['clock'],
  onDamage: (error: unknown) => void,
): Promise<Pick<AtRest['agent'], 'ended' | 'since'>> {
  const entries = await createAuditFile(stateDir, clock)
    .entries()
    .catch((error: unknown) => {
      onDamage(error);
      return [];
    });
  const word = entries.findLast(({ event }) => event === 'agent-started' || event === 'agent-stopped');
  if (word?.event === 'agent-stopped') return { ended: 'in-order', since: word.at };
  const reported = await stat(join(stateDir, OUTBOX_FILE)).catch(() => null);
  const traces = [entries.at(-1)?.at ?? [], reported === null ? [] : formatInstant(reported.mtimeMs)].flat();
  const since = traces.sort((a, b) => instantMs(a) - instantMs(b)).at(-1) ?? null;
  return { ended: word === undefined && reported === null ? 'never-ran' : 'killed', since };
}
