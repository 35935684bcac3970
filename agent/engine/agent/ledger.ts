// The agent's hand on the audit log: what it does itself, each act once, and what was changed past it.
import { type Digest, digestOfValue } from '../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../shared/encoding/json.ts';
import { cutText } from '../../../shared/encoding/text.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import type { Policy } from '../../../shared/schema/policy.ts';
import type { AuditEntry, AuditEvent } from '../../core/audit-chain.ts';
import { diffPolicies } from '../../core/policy-edit.ts';
import type { Log } from '../../ports/machine.ts';
import type { AuditLog, Settings } from '../../ports/state.ts';

export interface LedgerOptions {
  readonly audit: AuditLog;
  readonly settings: Settings;
  readonly log: Log;
}

export interface Ledger {
  /** An operator's act, before it has an effect. Errors: audit/damaged, disk/*. */
  record(event: AuditEvent): Promise<void>;
  /** The same for an edit of the policy: part of the edit, and after whatever was changed by hand before it. */
  recordEdit(before: Policy, after: Policy, event: AuditEvent): Promise<void>;
  /** The same for an edit of the instance configuration. */
  recordConfigEdit(before: InstanceConfig, after: InstanceConfig, event: AuditEvent): Promise<void>;
  /** The agent's own act: a log that cannot be written raises an alarm and stops nothing. */
  note(event: AuditEvent): Promise<void>;
  /** Begin and end of deployments, each once, whichever process saw them. */
  noteDeployments(records: readonly DeploymentRecord[]): Promise<void>;
  /** What the agent is about to act on, where the log does not say so yet. */
  noteLocal(): Promise<void>;
  /** The agent begins; from here on the log says which policy it found. */
  noteStart(details: AuditEvent['details']): Promise<void>;
  /** Why the log cannot be continued; null when it can. */
  problem(): string | null;
}

/** What the log has been told so far. */
interface Told {
  policy: string | null;
  config: string | null;
  readonly begun: Set<unknown>;
  readonly ended: Set<unknown>;
}

export function createLedger({ audit, settings, log }: LedgerOptions): Ledger {
  const inTurn = createTurns();
  let told: Told | null = null;
  let problem: string | null = null;
  let unreadable: string | null = null;
  /** As last seen, to say what a hand changed. */
  let known: Policy | null = null;

  /** A log that cannot be read cannot be continued either: what it was told is asked again next time. */
  async function quietly(work: (told: Told) => Promise<void>, event: string): Promise<void> {
    try {
      await audit.verify();
      told ??= toldBy(await audit.entries());
      await work(told);
      problem = null;
    } catch (error) {
      // A line whose append failed may stand there all the same: only the log itself can tell.
      told = null;
      problem = isFairleadError(error) ? error.message : 'the audit log cannot be written';
      log.error({ err: error, event }, 'the audit log could not be continued');
    }
  }

  async function tellPolicy(to: Told, policy: Policy): Promise<void> {
    const digest = identityOf(policy);
    if (to.policy !== null && to.policy !== digest) {
      const changes = known === null ? '' : diffPolicies(known, policy).join('; ');
      const details = { edit: 'found on disk, not made through the agent', policy: digest, changes };
      await audit.append({ event: 'policy-changed', actor: 'agent', details });
      log.warn({ changes }, 'the policy was changed past the agent');
    }
    to.policy = digest;
    known = policy;
  }

  async function tellConfig(to: Told, config: string): Promise<void> {
    if (to.config !== null && to.config !== config) {
      const details = { edit: 'the instance configuration, found on disk', config };
      await audit.append({ event: 'policy-changed', actor: 'agent', details });
    }
    to.config = config;
  }

  async function tellUnreadable(problemOfPolicy: string): Promise<void> {
    if (unreadable === null) {
      log.error({ problem: problemOfPolicy }, 'the policy cannot be read: frozen');
      await audit.append({
        event: 'policy-unreadable',
        actor: 'agent',
        details: { problem: problemOfPolicy },
      });
    }
    unreadable = problemOfPolicy;
  }

  /** Looked at again where no edit is under way: an edit is in the log a moment before it is on disk. */
  const tellLocal = (to: Told) =>
    settings.look(async ({ policy, config }) => {
      if (policy.kind === 'unreadable') await tellUnreadable(policy.problem);
      else {
        unreadable = null;
        await tellPolicy(to, policy.policy);
      }
      if (config.kind === 'readable') await tellConfig(to, identityOf(config.config));
    });

  /** A line whose append failed may stand there all the same: what the log was told is asked again. */
  async function appendEdit({ details, ...event }: AuditEvent, is: AuditEvent['details']): Promise<void> {
    await audit.append({ ...event, details: { ...details, ...is } }).catch((error: unknown) => {
      told = null;
      throw error;
    });
  }

  return {
    record: (event) => audit.append(event),
    async recordEdit(before, after, event) {
      if (told !== null) await tellPolicy(told, before);
      const policy = identityOf(after);
      await appendEdit(event, { policy });
      if (told !== null) told.policy = policy;
      known = after;
    },
    async recordConfigEdit(before, after, event) {
      if (told !== null) await tellConfig(told, identityOf(before));
      const config = identityOf(after);
      await appendEdit(event, { config });
      if (told !== null) told.config = config;
    },
    note: (event) => inTurn(() => quietly(() => audit.append(event), event.event)),
    noteDeployments: (records) =>
      inTurn(() => quietly((to) => tellDeployments(audit, to, records), 'deployment-ended')),
    noteLocal: () => inTurn(() => quietly(tellLocal, 'policy-changed')),
    noteStart: (details) =>
      inTurn(() =>
        quietly(async (to) => {
          await tellLocal(to);
          const seen = { policy: to.policy, config: to.config };
          await audit.append({ event: 'agent-started', actor: 'agent', details: { ...details, ...seen } });
        }, 'agent-started'),
      ),
    problem: () => problem,
  };
}

async function tellDeployments(
  audit: AuditLog,
  told: Told,
  records: readonly DeploymentRecord[],
): Promise<void> {
  for (const { id, actor, plan, reason, state, failure, adopted = [], fix } of records) {
    if (!told.begun.has(id)) {
      const settings = adopted.map(({ component, key }) => `${component} ${key}`).join(', ');
      const details = {
        ...{ change: id, plan, reason: reason.kind },
        ...(fix === undefined ? {} : { fix: cutText(fix.advisories.join(', '), 300) }),
        ...(settings === '' ? {} : { settings }),
      };
      await audit.append({ event: 'deployment-started', actor, details });
      told.begun.add(id);
    }
    if (isFinal(state) && !told.ended.has(id)) {
      const details = { change: id, state, failure: failure?.code ?? null };
      await audit.append({ event: 'deployment-ended', actor, details });
      told.ended.add(id);
    }
  }
}

function toldBy(entries: readonly AuditEntry[]): Told {
  const ofDeployments = (event: AuditEntry['event']) =>
    new Set<unknown>(entries.filter((one) => one.event === event).map(({ details }) => details.change));
  const lastOf = (key: 'policy' | 'config') =>
    entries.map(({ details }) => details[key]).findLast((value) => typeof value === 'string');
  return {
    policy: digestIn(lastOf('policy')),
    config: digestIn(lastOf('config')),
    begun: ofDeployments('deployment-started'),
    ended: ofDeployments('deployment-ended'),
  };
}

/** The same for an edit and for what is read back of it, whatever the order of its keys. */
function identityOf(value: object): Digest {
  return digestOfValue(JSON.parse(JSON.stringify(value)) as JsonValue);
}

function digestIn(value: unknown): Digest | null {
  return typeof value === 'string' && value.startsWith('sha256:') ? (value as Digest) : null;
}
