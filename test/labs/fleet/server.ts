// The simulated server: shows what was signed, hears what installs report, and halts what its guard finds bad.
import { QUIET_MS } from '../../../server/core/survey.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { ClassFacts } from '../../../shared/schema/classes.ts';
import { createGuard } from './guard.ts';
import type { Install, SimulatedServer } from './ports.ts';
import { createReports, type Known } from './reports.ts';
import type { Time } from './time.ts';

export interface ServerOptions {
  readonly time: Time;
  /** Nobody judges where it is off. */
  readonly isGuarded: boolean;
  readonly first: Catalog;
  readonly installs: () => readonly Install[];
}

const JUDGED_EVERY_MS = 60_000;
/** By then who is silent is known to be. */
const NOTICED_MS = QUIET_MS + 2 * JUDGED_EVERY_MS;
/** Where nothing can have changed: in time for what is signed again. */
const AT_LEAST_EVERY_MS = 15 * 60_000;

export function createServer({ time, isGuarded, first, installs }: ServerOptions): SimulatedServer {
  let catalog = first;
  const reports = createReports();
  const guard = createGuard(reports, time.now);
  const frozen = new Map<string, { readonly catalog: Catalog; readonly signed: EpochMs | null }>();
  /** Something was heard, or published, since the guard looked. */
  let isNews = true;
  let lookedAt = time.now();

  function publish(change: (catalog: Catalog) => Catalog): void {
    catalog = change(catalog);
    isNews = true;
    for (const install of installs()) install.news();
  }

  async function judge(): Promise<void> {
    const [all, now] = [installs(), time.now()];
    const isMoving = (install: Install) => {
      const since = install.silentSince();
      return since === null ? reports.isOpen(install.facts.id) : now - since < NOTICED_MS;
    };
    if (!isNews && now - lookedAt < AT_LEAST_EVERY_MS && !all.some(isMoving)) return;
    [isNews, lookedAt] = [false, now];
    const known = all.map((install) => knownOf(install, now));
    const signed = await guard.look(catalog, known);
    if (signed.length === 0) return;
    const digests = new Set(signed.map(({ digest }) => digest));
    publish((before) => ({
      ...before,
      halts: [...before.halts.filter(({ digest }) => !digests.has(digest)), ...signed],
    }));
  }

  function judgeAgain(): void {
    void time.still(judge);
    time.at(time.now() + JUDGED_EVERY_MS, judgeAgain);
  }

  if (isGuarded) time.at(time.now() + JUDGED_EVERY_MS, judgeAgain);
  return {
    shownTo: (install) => frozen.get(install)?.catalog ?? catalog,
    signedFor: (install) => frozen.get(install)?.signed ?? time.now(),
    publish,
    hear(install, report) {
      reports.take(install, report, time.now());
      isNews = true;
    },
    freezeFor(them, by) {
      const signed = by === 'line' ? time.now() : null;
      for (const { facts } of them) frozen.set(facts.id, { catalog, signed });
    },
    haltedAt: ({ digest }) => guard.haltedAt(digest),
  };
}

const facts = new WeakMap<Install, ClassFacts>();

function knownOf(install: Install, now: EpochMs): Known {
  const known = facts.get(install) ?? factsOf(install);
  facts.set(install, known);
  return { id: install.facts.id, facts: known, lastSeen: install.silentSince() ?? now };
}

/** As its reports say it. */
function factsOf({ facts: { os, arch, region, config } }: Install): ClassFacts {
  return { os: [os], arch: [arch], driver: ['process'], suite: Object.keys(config.suites), region: [region] };
}
