// The simulated server: shows what was signed, hears what installs report, and halts what its guard finds bad.

import { parseClasses } from '../../../server/vendor/core/class-text.ts';
import type { Catalog, OrderedAdvisory } from '../../../shared/compile/releases.ts';
import { orderReaches, reachedAt } from '../../../shared/compile/waves.ts';
import { type EpochMs, instantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { judge, type Known, type Reported } from './guard.ts';
import type { Install, SimulatedServer } from './ports.ts';
import type { Time } from './time.ts';
import { haltOf, nameOfRelease, type SimulatedRelease } from './vendor.ts';

export interface ServerOptions {
  readonly time: Time;
  /** Nobody judges where it is off. */
  readonly isGuarded: boolean;
  readonly first: Catalog;
  readonly installs: () => readonly Install[];
}

const JUDGED_EVERY_MS = 60_000;

export function createServer({ time, isGuarded, first, installs }: ServerOptions): SimulatedServer {
  let catalog = first;
  /** By release, as `core/app@1.1.0`, and install: the newest. */
  const reports = new Map<string, Map<string, Reported>>();
  /** By digest; the classes for which it is halted, null among them for all. */
  const halts = new Map<string, { readonly at: EpochMs; readonly classes: (string | null)[] }>();
  const frozen = new Map<string, { readonly catalog: Catalog; readonly signed: EpochMs | null }>();
  /** Releases of which something was heard since they were judged. */
  const news = new Set<string>();
  const offers = createOffers();

  function publish(change: (catalog: Catalog) => Catalog): void {
    catalog = change(catalog);
    for (const install of installs()) install.news();
  }

  function judgeAll(): void {
    const isSomebodySilent = installs().some((install) => install.isSilent());
    for (const release of releasesOf(catalog)) {
      if (news.delete(nameOfRelease(release)) || isSomebodySilent) judgeOne(release);
    }
    time.at(time.now() + JUDGED_EVERY_MS, judgeAll);
  }

  function judgeOne(release: SimulatedRelease): void {
    const halted = halts.get(release.digest) ?? { at: time.now(), classes: [] };
    const known = reports.get(nameOfRelease(release));
    if (known === undefined || halted.classes.includes(null)) return;
    // Those whose class is stopped already say nothing of the others.
    const offeredTo = offers(catalog, release);
    const asked = installs()
      .map((install) => knownOf(install, offeredTo, time.now()))
      .filter(({ classes }) => !classes.some((one) => halted.classes.includes(one)));
    const judged = judge({ installs: asked, reports: known, now: time.now() });
    if (judged.kind === 'goes-on') return;
    halted.classes.push(judged.class);
    halts.set(release.digest, halted);
    const halt = haltOf(
      release,
      time.now(),
      sanitizeLine(judged.findings.map(({ text }) => text).join('; '), 300),
    );
    const scoped = judged.class === null ? halt : { ...halt, classes: parseClasses(judged.class, '--class') };
    publish((before) => ({ ...before, halts: [...before.halts, scoped] }));
  }

  function note(name: string, install: string, report: Pick<DeploymentRecord, 'state' | 'failure'>): void {
    const known = reports.get(name) ?? new Map<string, Reported>();
    const since = known.get(install)?.since ?? time.now();
    news.add(name);
    reports.set(name, known.set(install, { ...report, since }));
  }

  const hearIll: SimulatedServer['hearIll'] = (install, name) => {
    const report = reports.get(name)?.get(install);
    if (report?.state !== 'committed') return;
    reports.get(name)?.set(install, { ...report, isDegraded: true });
    news.add(name);
  };

  if (isGuarded) time.at(time.now() + JUDGED_EVERY_MS, judgeAll);
  return {
    shownTo: (install) => frozen.get(install)?.catalog ?? catalog,
    signedFor: (install) => frozen.get(install)?.signed ?? time.now(),
    publish,
    hear(install, record) {
      const wasLeft = record.reason.kind === 'rollback' && record.state === 'committed';
      for (const { component, from, to } of record.steps) {
        if (wasLeft && from !== null) hearIll(install, `${component}@${from}`);
        if (record.reason.kind !== 'rollback' && to !== null) note(`${component}@${to}`, install, record);
      }
    },
    hearIll,
    freezeFor(them, by) {
      const signed = by === 'line' ? time.now() : null;
      for (const { facts } of them) frozen.set(facts.id, { catalog, signed });
    },
    haltedAt: ({ digest }) => halts.get(digest)?.at ?? null,
  };
}

function releasesOf({ releases }: Catalog): readonly SimulatedRelease[] {
  return releases.filter((one): one is SimulatedRelease => one.document.schema === 'fairlead/capability@1');
}

function knownOf(install: Install, offeredTo: (install: string) => EpochMs | null, now: EpochMs): Known {
  const { id, os, region } = install.facts;
  return {
    id,
    classes: [`os=${os}`, `region=${region}`],
    heardAt: install.silentSince() ?? now,
    offeredAt: offeredTo(id),
  };
}

/** Where an install stands in the waves does not change while these documents do not. */
function createOffers() {
  const known = new Map<string, { readonly of: Catalog; readonly at: Map<string, EpochMs | null> }>();
  return (catalog: Catalog, release: SimulatedRelease) => {
    const before = known.get(release.digest);
    const isSame = before?.of.rollouts === catalog.rollouts && before?.of.advisories === catalog.advisories;
    const at = isSame && before !== undefined ? before.at : new Map<string, EpochMs | null>();
    known.set(release.digest, { of: catalog, at });
    return (install: string): EpochMs | null => {
      const moment = at.get(install);
      if (moment !== undefined) return moment;
      const computed = offeredAt(catalog, release, install);
      at.set(install, computed);
      return computed;
    };
  };
}

/** By a rollout or by an order, as any install computes it for itself. */
function offeredAt(
  { rollouts, advisories }: Catalog,
  { digest, document }: SimulatedRelease,
  install: string,
): EpochMs | null {
  const isFixedBy = ({ fixed }: OrderedAdvisory) =>
    fixed.some(
      ({ component, version }) =>
        `${component}@${version}` === `${document.suite}/${document.name}@${document.version}`,
    );
  const moments = [
    ...rollouts.filter((one) => one.digest === digest).map((one) => reachedAt(one, install, {})),
    ...advisories.filter(isFixedBy).map((one) => orderReaches(one, install) ?? instantMs(one.published)),
  ];
  return moments.length === 0 ? null : Math.min(...moments);
}
