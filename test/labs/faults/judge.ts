// The judge of a deployment that something happened to: recovers it and names everything that is not as it must be.
import { readdir } from 'node:fs/promises';
import { type DeploymentRecord, isFinal } from '../../../shared/schema/deployment.ts';
import type { Acknowledged } from './acknowledged.ts';
import { startInstance } from './instance.ts';
import type { Instance, Place, Scenario, Verdict } from './laboratory.ts';
import type { Services } from './machine.ts';
import { deadEnds, isSwitch } from './served.ts';
import { servicesBelow } from './service-sessions.ts';
import { describeState, leftovers } from './state-files.ts';

/** The records that the history left: what comes after them is what is judged. */
export async function judgeDeployment(
  place: Place,
  scenario: Scenario,
  acknowledged: readonly Acknowledged[],
): Promise<Verdict> {
  const left = place.hasLostPower === true ? [] : await deadEnds(place);
  const instance = await startInstance({ ...place, scenario });
  await scenario.goOn?.(instance);
  const broken = (await scenario.broken?.(instance, acknowledged)) ?? [];
  await instance.settled();
  const records = await instance.deployer.records();
  const record = records.slice(scenario.history.length).at(-1);
  const problems = [
    ...left,
    ...(await problemsNow(place, scenario, instance, record)),
    ...(await quarantineProblems(instance, record)),
    ...lostStates(records, acknowledged),
    ...broken,
    ...(await auditProblems(instance, records)),
    ...(await secondRecoveryProblems(place, scenario)),
    ...(await nextProblems(place, scenario)),
  ];
  return { end: record?.state ?? 'nothing begun', failure: record?.failure?.code ?? null, problems };
}

/** Everything that is on the disk and everything that runs tell the same story. */
async function problemsNow(
  place: Place,
  scenario: Scenario,
  { deployer, store, trees, warnings }: Instance,
  record: DeploymentRecord | undefined,
): Promise<readonly string[]> {
  const problems: string[] = warnings.map((warning) => `warns: ${messageOf(warning)}`);
  const number = await store.currentNumber();
  const before = scenario.history.length === 0 ? null : scenario.history.length;
  const expected =
    record === undefined
      ? before
      : record.state === 'committed'
        ? record.generation
        : record.previousGeneration;
  if (number !== expected) problems.push(`current is ${number}, not ${expected}`);
  if (record !== undefined && !isFinal(record.state)) problems.push(`still ${record.state}`);
  if (record?.state === 'inconsistent' && scenario.end !== 'inconsistent') problems.push('inconsistent');
  const journals = await readdir(`${place.stateDir}/journal`).catch(() => []);
  if (journals.some((name) => name.endsWith('.journal'))) problems.push('a journal is left');
  const current = await deployer.current();
  for (const [component, { document }] of current?.releases ?? []) {
    for (const { path, problem } of await trees.verify(document))
      problems.push(`${component}: ${path} ${problem}`);
  }
  const wanted = (current?.manifest.components ?? []).map((one) => `${one.component}@${one.version}`);
  const running = [...(await runningReleases(place, scenario))];
  problems.push(...(await deadEnds(place)));
  if (running.sort().join() !== wanted.sort().join()) problems.push(`runs ${running} instead of ${wanted}`);
  return problems;
}

/** A release that runs twice is named twice. */
async function runningReleases(
  { stateDir, memory }: Place,
  { services }: Scenario,
): Promise<readonly string[]> {
  if (services === 'noted') return others(memory.read());
  return (await servicesBelow(stateDir)).map(({ release }) => release);
}

function others(services: Services): readonly string[] {
  return Object.values(services).flatMap((one) => (isSwitch(one) ? [] : [one.release]));
}

/** What failed here, and what was rolled back from, is not tried again by a timer. */
async function quarantineProblems(
  { deployer }: Instance,
  record: DeploymentRecord | undefined,
): Promise<readonly string[]> {
  const isBack = record?.state === 'committed' && record.reason.kind === 'rollback';
  const hasFailed = record?.state === 'rolled-back' && record.failure?.code === 'deploy/unhealthy';
  if (!isBack && !hasFailed) return [];
  const isHeld = (await deployer.quarantine()).some((entry) => entry.record === record.id);
  return isHeld ? [] : [`nothing is quarantined after ${record.id}`];
}

/**
 * Every state that was acknowledged is in its record, in its order. There may be more: a state that is in the journal
 * counts, though the process died before it said so. The same end may be told twice.
 */
function lostStates(
  records: readonly DeploymentRecord[],
  acknowledged: readonly Acknowledged[],
): readonly string[] {
  const facts = acknowledged.flatMap((fact) => (fact.kind === 'state' ? [fact] : []));
  return [...Map.groupBy(facts, ({ deployment }) => deployment)].flatMap(([id, entered]) => {
    const told = entered.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);
    const record = records.find((one) => one.id === id);
    if (record === undefined) return [`the record of ${id}, ${told.at(-1)}, is lost`];
    const stages = record.stages.map((stage) => stage.state);
    let found = 0;
    for (const stage of stages) if (stage === told[found]) found++;
    return found === told.length ? [] : [`acknowledged ${told.join(' ')}, recorded ${stages.join(' ')}`];
  });
}

/** Every deployment that was recorded began once in the log, and ended once when it ended. */
async function auditProblems(
  { audit }: Instance,
  records: readonly DeploymentRecord[],
): Promise<readonly string[]> {
  const entries = await audit.entries().catch(messageOf);
  if (typeof entries === 'string') return [`audit: ${entries}`];
  const counts = (event: string, id: number) =>
    entries.filter((entry) => entry.event === event && entry.details.change === id).length;
  return records.flatMap(({ id, state }) => {
    const [began, ended] = [counts('deployment-started', id), counts('deployment-ended', id)];
    return began === 1 && ended === (isFinal(state) ? 1 : 0)
      ? []
      : [`change ${id} is ${state}; in the log it began ${began} times and ended ${ended}`];
  });
}

/** What has been recovered needs no recovery. */
async function secondRecoveryProblems(place: Place, scenario: Scenario): Promise<readonly string[]> {
  const before = await describeState(place.stateDir);
  await startInstance({ ...place, scenario });
  const after = await describeState(place.stateDir);
  return after === before ? [] : ['a second recovery changes the disk'];
}

/** Nothing is stuck: the next deployment commits, and then nothing unfinished lies around. */
async function nextProblems(place: Place, scenario: Scenario): Promise<readonly string[]> {
  const instance = await startInstance({ ...place, scenario: { ...scenario, behaviours: {} } });
  await scenario.next(instance);
  await instance.settled();
  const record = (await instance.deployer.records()).at(-1);
  const problems = record?.state === 'committed' ? [] : [`the next deployment ends ${record?.state}`];
  return [...problems, ...(await deadEnds(place)), ...(await leftovers(place.stateDir))];
}

export function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : 'not an error';
}
