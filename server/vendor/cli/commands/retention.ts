// `retention`: how long releases stay to be had, by which policy, signed beside each; and `retire`, for those whose time is over.
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { formatRef, type ReleaseRef, refOf } from '../../../../shared/schema/release-ref.ts';
import { endOfSupport, keptDay, keptUntil } from '../../../../shared/trust/target-notes.ts';
import { DEFAULT_YEARS, findNeed, MOST_YEARS, promise } from '../../core/retention.ts';
import {
  readAdvisories,
  readReleases,
  readRolloutsOf,
  releaseTarget,
  requireRelease,
} from '../../workspace/documents.ts';
import { listKnownReleases } from '../../workspace/known-documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { createDays, readYears, writeYears } from '../../workspace/retention.ts';
import { readNotes } from '../../workspace/sboms.ts';
import { changeTargets, type TargetEdit } from '../../workspace/targets.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import { conclude } from '../conclude.ts';

interface KeptRow {
  readonly release: string;
  /** Null where no day was signed: for good. */
  readonly until: string | null;
}

export async function show(session: Session): Promise<void> {
  const { directory } = await openWorkspace(session.directory);
  const years = await readYears(directory);
  const kept = await readKept(directory);
  const undated = kept.filter(({ until }) => until === null).length;
  session.out.result(
    'retention-show',
    [
      policyLine(years),
      ...(undated === 0
        ? []
        : [
            `without a day, so for good: ${count(undated, 'release')}; fairlead-vendor retention set ${years}`,
          ]),
      ...(kept.length === 0
        ? []
        : [
            '',
            ...formatTable([
              ['Release', 'Kept until'],
              ...kept.map(({ release, until }) => [release, until ?? 'for good']),
            ]),
          ]),
    ],
    { years, releases: kept },
  );
}

/** For what is out and what comes. A day that was signed moves to a later one alone. */
export async function set(session: Session, years: number): Promise<void> {
  const { directory } = await openWorkspace(session.directory);
  if (!Number.isInteger(years) || years < 1 || years > MOST_YEARS) {
    const form = `a number of years from 1 to ${MOST_YEARS}`;
    throw new FairleadError('vendor/option-invalid', { option: '<years>', value: String(years), form });
  }
  const notes = await readNotes(directory);
  const dayOf = await createDays(directory, years);
  const { releases } = await readReleases(directory);
  const edits = releases.map(({ path, bytes, document }) =>
    releaseTarget(bytes, document, promise(notes.get(path) ?? {}, dayOf(document))),
  );
  const purpose = { action: 'retention set', subject: count(years, 'year') };
  const signed = edits.length === 0 ? [] : [await changeTargets(session, 'releases', edits, purpose)];
  await writeYears(directory, years);
  const { lines, document } = await conclude(session, signed);
  const few = `  the Cyber Resilience Act asks for at least ${DEFAULT_YEARS} (Art. 13(9))`;
  session.out.result(
    'retention-set',
    [policyLine(years), ...(years < DEFAULT_YEARS ? [few] : []), ...lines],
    { years, ...document },
  );
}

/** Errors: vendor/not-released, vendor/kept, vendor/still-needed, and those of signing. */
export async function retire(session: Session, refs: readonly ReleaseRef[]): Promise<void> {
  const { directory } = await openWorkspace(session.directory);
  const signed = await readReleases(directory);
  const gone = await Promise.all(refs.map((ref) => requireRelease(directory, ref)));
  const notes = await readNotes(directory);
  const supportEnds = endOfSupport(notes.values());
  for (const { path, document } of gone) {
    const until = keptUntil(notes.get(path), supportEnds);
    if (until <= session.now()) continue;
    throw new FairleadError('vendor/kept', { release: formatRef(refOf(document)), until: keptDay(until) });
  }
  const need = findNeed(
    gone.map(({ document }) => document),
    {
      releases: signed.releases.map(({ document }) => document),
      known: await listKnownReleases(directory),
      rollouts: signed.rollouts.map(({ document }) => document),
      advisories: (await readAdvisories(directory)).map(({ document }) => document),
    },
  );
  if (need !== null) throw new FairleadError('vendor/still-needed', need);
  const offers = await Promise.all(gone.map(({ document }) => readRolloutsOf(directory, refOf(document))));
  const edits: readonly TargetEdit[] = [...gone, ...offers.flat()].map(({ path }) => ({ path, bytes: null }));
  const names = gone.map(({ document }) => formatRef(refOf(document)));
  const purpose = { action: 'retire', subject: names.join(' ') };
  const { lines, document } = await conclude(session, [
    await changeTargets(session, 'releases', edits, purpose),
  ]);
  const told = names.map((name) => `${name} is listed no longer; installs that run it go on running it`);
  const next =
    'its files stay on the server until somebody there removes them: fairlead-server retention list';
  session.out.result('retire', [...told, next, ...lines], { releases: names, ...document });
}

async function readKept(directory: string): Promise<readonly KeptRow[]> {
  const notes = await readNotes(directory);
  const supportEnds = endOfSupport(notes.values());
  const { releases } = await readReleases(directory);
  return releases.map(({ path, document }) => ({
    release: formatRef(refOf(document)),
    until: keptDay(keptUntil(notes.get(path), supportEnds)),
  }));
}

function policyLine(years: number): string {
  return `releases stay to be had for ${count(years, 'year')} after they came out, to the end of that year, and as long as any platform is mended`;
}
