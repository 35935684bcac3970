// The judge of data in volumes: what a version finds is its own, nothing is lost, and copies are whole and no more than needed.
import { readdir, readFile } from 'node:fs/promises';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { chain, descend, type Under } from '../../support/data-beneath.ts';
import { AUTH } from '../../support/deploy-releases.ts';
import type { Instance, Verdict } from './laboratory.ts';
import type { VolumeDisk } from './volume-disk.ts';

/** What stood there as an act began. */
export interface Before {
  readonly data: string;
  readonly was: number | null;
  readonly records: number;
}

export interface Done {
  /** Of an act that nothing disturbed, and of such a one alone. */
  readonly answer: { readonly error: unknown } | null;
  /** The engine refused what it was asked: then a person may be needed. */
  readonly engineFailed: boolean;
}

export interface DataJudge {
  before(instance: Instance): Promise<Before>;
  /** Once it has recovered. */
  after(before: Before, instance: Instance, act: Done): Promise<Verdict>;
}

/** Why an act that nothing disturbed may not be done. */
const REFUSALS = ['rollback/no-target', 'rollback/way-unknown', 'deploy/quarantined'];

/** `keepsAll`: no generation is ever removed, so no copy is either that still lies under what runs. */
export function createDataJudge(disk: Pick<VolumeDisk, 'dataOf'>, keepsAll: boolean): DataJudge {
  let under: Under | null = null;
  return {
    async before(instance) {
      const records = (await instance.deployer.records()).length;
      return { data: disk.dataOf(AUTH), was: await runningMinor(instance), records };
    },
    async after(before, instance, { answer, engineFailed }) {
      const record = (await instance.deployer.records()).slice(before.records).at(-1);
      const now = await runningMinor(instance);
      const found = { before, now, record, data: disk.dataOf(AUTH) };
      const isMoved = record?.state === 'committed' && now !== before.was;
      const next = isMoved ? moved(under, found) : under;
      const isRight = isMoved ? next !== null : now === before.was && hasStayed(under, found);
      under = next;
      const isSettled = answer !== null && record?.state === 'committed';
      const problems = [
        ...(isRight ? [] : [told(found)]),
        ...(record?.state === 'inconsistent' && !engineFailed ? ['inconsistent'] : []),
        ...refusalProblems(answer?.error),
        ...(await copyProblems(instance, under, { isSettled, keepsAll })),
      ];
      return { end: record?.state ?? 'nothing begun', failure: record?.failure?.code ?? null, problems };
    },
  };
}

export async function runningMinor({ deployer }: Instance): Promise<number | null> {
  return minorOf((await deployer.current())?.releases.get(AUTH)?.document.version);
}

function minorOf(version: string | null | undefined): number | null {
  return version == null ? null : Number(version.split('.')[1]);
}

interface Found {
  readonly before: Before;
  readonly now: number | null;
  readonly record: DeploymentRecord | undefined;
  readonly data: string;
}

function told({ before, now, record, data }: Found): string {
  const ended = `${record?.state ?? 'nothing begun'} ${record?.failure?.message ?? ''}`;
  return `${ended}: found "${data}" under ${now}, after "${before.data}" under ${before.was}`;
}

/** Whether it is what was there, and marks of those that started since, in their order. */
function follows(data: string, from: string, ...minors: readonly (number | null)[]): boolean {
  const marks = minors.map((minor) => (minor === null ? '' : `( ${minor}#\\d+)*`)).join('');
  return data.startsWith(from) && new RegExp(`^${marks}$`).test(data.slice(from.length));
}

/** What lies under the version that came, where it found what it had to; null where it did not. */
function moved(under: Under | null, { before, now, record, data }: Found): Under | null {
  if (now === null) return null;
  if (under !== null && now <= under.minor) {
    const landed = descend(under, now);
    return landed !== null && follows(data, landed.data, now) ? landed.under : null;
  }
  if (!follows(data, before.data, before.was, now)) return null;
  const own = new RegExp(`^( ${before.was}#\\d+)*`).exec(data.slice(before.data.length))?.[0] ?? '';
  const generation = under === null ? null : (record?.generation ?? null);
  return { minor: now, before: before.data + own, below: under, isCopied: under !== null, generation };
}

/** A way down that was not gone to its end may have put older data back, on which the version before goes on. */
function hasStayed(under: Under | null, { before: { data: earlier, was }, record, data }: Found): boolean {
  if (follows(data, earlier, was)) return true;
  const to = minorOf(record?.steps.find(({ component }) => component === AUTH)?.to);
  if (under === null || to === null) return false;
  const rungs = [...chain(under)].map(({ minor }) => minor).filter((minor) => minor > to);
  return [to, ...rungs].some((minor) => {
    const landed = descend(under, minor);
    return landed !== null && landed.data !== '' && follows(data, landed.data, landed.under.minor, was);
  });
}

function refusalProblems(error: unknown): readonly string[] {
  if (error === undefined) return [];
  const code = isFairleadError(error) ? error.code : 'not ours';
  return REFUSALS.includes(code) ? [] : [`refused: ${code} ${error instanceof Error ? error.stack : ''}`];
}

/** Where something went wrong on the way, what is needed no more may go with the next deployment. */
async function copyProblems(
  { stateDir, deployer }: Instance,
  under: Under | null,
  { isSettled, keepsAll }: { readonly isSettled: boolean; readonly keepsAll: boolean },
): Promise<readonly string[]> {
  const root = `${stateDir}/snapshots`;
  const copied = under === null ? [] : [...chain(under)].filter(({ generation }) => generation !== null);
  const minors = (await deployer.generations())
    .filter(({ healthy }) => healthy)
    .flatMap(({ releases }) => minorOf(releases.get(AUTH)?.document.version) ?? []);
  const problems: string[] = [];
  const names = await readdir(root).catch((): string[] => []);
  for (const name of names) {
    const of = copied.find(({ generation }) => String(generation) === name);
    const isNeeded = of !== undefined && minors.some((minor) => minor < of.minor);
    if (isSettled && !isNeeded) problems.push(`a copy is kept that no way leads back over: ${name}`);
    if (of !== undefined)
      problems.push(...(await partProblems(`${root}/${name}/core.auth`, of.before, isSettled || keepsAll)));
  }
  const lost = keepsAll ? copied.filter(({ generation }) => !names.includes(String(generation))) : [];
  return [...problems, ...lost.map(({ generation }) => `the copy ${generation} is lost`)];
}

/** A list that says that a copy is whole is right. */
async function partProblems(directory: string, data: string, isWanted: boolean): Promise<readonly string[]> {
  const text = await readFile(`${directory}/volumes.json`, 'utf8').catch(() => null);
  if (text === null) return isWanted ? [`${directory} has no list`] : [];
  const problems: string[] = [];
  for (const { file, digest } of JSON.parse(text).volumes) {
    const found = await readFile(`${directory}/${file}`).catch(() => Buffer.from('nothing'));
    if (digestOf(found) !== digest) problems.push(`${directory}/${file} is not what its list says`);
    if (found.toString() !== data) problems.push(`${directory}/${file} has "${found}", not "${data}"`);
  }
  return problems;
}
