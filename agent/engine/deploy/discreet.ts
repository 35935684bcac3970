// Discretion: the one door between services and what the engine tells of them, which no secret of the install passes.

import { redactStrings, type Secrets } from '../../../shared/encoding/redact.ts';
import type { ErrorCode } from '../../../shared/errors/catalogue.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { JournalEntry } from '../../../shared/schema/journal.ts';
import type { Driver } from '../../ports/deploy.ts';
import type { Volumes } from '../../ports/volumes.ts';
import type { DeployerOptions } from './options.ts';

/**
 * The same ports. Every secret that is read becomes known, and every text from outside is redacted before the engine has it;
 * so is, once more, whatever is written down, for an error may tell what a setting holds.
 */
export function withDiscretion(options: DeployerOptions): DeployerOptions {
  const { secrets, prober, store, journal, onRecord, onWarning } = options;
  const tell = (record: DeploymentRecord) => redactRecord(record, secrets);
  return {
    ...options,
    ...withDiscreetServices(options),
    volumes: discreetVolumes(options.volumes, secrets),
    prober: {
      async probe(probe, signal) {
        const result = await prober.probe(probe, signal);
        return { ...result, detail: secrets.redact(result.detail) };
      },
    },
    journal: { ...journal, append: (entry) => journal.append(redactEntry(entry, secrets)) },
    store: {
      ...store,
      writeRecord: (record) => store.writeRecord(tell(record)),
      writeEvidence: ({ components, ...rest }) =>
        store.writeEvidence({
          ...rest,
          components: components.map(({ health, log, ...one }) => ({
            ...one,
            health: secrets.redact(health),
            log: secrets.redact(log),
          })),
        }),
      changeQuarantine: (change) =>
        store.changeQuarantine((known) => {
          const changed = change(known);
          if (changed === known) return known;
          return changed.map((entry) => ({ ...entry, reason: secrets.redact(entry.reason) }));
        }),
    },
    onRecord: (record) => onRecord(tell(record)),
    onWarning: (error) => onWarning(redactError(error, secrets)),
  };
}

type Services = Pick<DeployerOptions, 'secrets' | 'driver' | 'readReference'>;

/** As far as reading goes. */
export function withDiscreetServices<Options extends Services>(options: Options): Options {
  const { secrets, driver, readReference } = options;
  return {
    ...options,
    async readReference(reference) {
      const value = await readReference(reference);
      secrets.learn(value);
      return value;
    },
    driver: discreetDriver(driver, secrets),
  };
}

type Guard = <Answer>(work: Promise<Answer>) => Promise<Answer>;

function guardOf(secrets: Secrets): Guard {
  return (work) =>
    work.catch((error: unknown) => {
      throw redactError(error, secrets);
    });
}

function discreetVolumes(volumes: Volumes, secrets: Secrets): Volumes {
  const guard = guardOf(secrets);
  return {
    verifyCopyable: (unit) => guard(volumes.verifyCopyable(unit)),
    verifyRoom: (units) => guard(volumes.verifyRoom(units)),
    save: (unit, generation) => guard(volumes.save(unit, generation)),
    verifyRestorable: (unit, generation) => guard(volumes.verifyRestorable(unit, generation)),
    verifyWhole: (component) => guard(volumes.verifyWhole(component)),
    restore: (unit, generation) => guard(volumes.restore(unit, generation)),
    keepOnly: (needed, from) => guard(volumes.keepOnly(needed, from)),
  };
}

function discreetDriver(driver: Driver, secrets: Secrets): Driver {
  const guard = guardOf(secrets);
  return {
    ...driver,
    prepare: (unit, again, signal) => guard(driver.prepare(unit, again, signal)),
    keepOnly: (component, unit) => guard(driver.keepOnly(component, unit)),
    start: (unit) => guard(driver.start(unit)),
    stop: (component, timeoutMs) => guard(driver.stop(component, timeoutMs)),
    runs: (unit) => guard(driver.runs(unit)),
    async status(component) {
      const status = await guard(driver.status(component));
      return status.kind === 'exited' ? { ...status, detail: secrets.redact(status.detail) } : status;
    },
    exited: (component, signal) => guard(driver.exited(component, signal)),
    logs: async (component, maxBytes, since) =>
      secrets.redact(await guard(driver.logs(component, maxBytes, since))),
    async ranOnce(unit) {
      const all = await guard(driver.ranOnce(unit));
      return all.map((one) => ({ ...one, log: secrets.redact(one.log) }));
    },
    maintain: (component) => guard(driver.maintain(component)),
  };
}

/** Only where somebody wrote freely: a digest or a name may hold the same letters by chance. */
function redactRecord(record: DeploymentRecord, { redact }: Secrets): DeploymentRecord {
  const { failure } = record;
  if (failure === null) return record;
  return { ...record, failure: { ...failure, message: redact(failure.message) } };
}

function redactEntry(entry: JournalEntry, { redact }: Secrets): JournalEntry {
  if (entry.kind !== 'entered' || entry.failure === undefined) return entry;
  return { ...entry, failure: { ...entry.failure, message: redact(entry.failure.message) } };
}

function redactError(error: unknown, { redact }: Secrets): unknown {
  if (!isFairleadError(error)) return error;
  const { component, ...data }: { component?: string } = error.data;
  const named = component === undefined ? {} : { component };
  // The cause may hold what the error no longer does.
  return new FairleadError<ErrorCode>(error.code, { ...redactStrings(data, redact), ...named } as never);
}
