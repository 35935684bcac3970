// Which installs have a release: as what runs, or as what ran before it and a rollback would bring back.
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { IN_SERVICE } from './instances.ts';
import type { Database } from './tables.ts';

export interface Held {
  readonly component: string;
  readonly version: string;
}

/** By their names; those that were retired hold nothing. */
export async function findHolders(db: Database, held: Held): Promise<readonly string[]> {
  const running = await db
    .selectFrom('instance_components')
    .innerJoin('instances', 'instances.id', 'instance_components.instance')
    .select(['instances.id', 'instances.name'])
    .where('instance_components.component', '=', held.component)
    .where('instance_components.version', '=', held.version)
    .where(IN_SERVICE)
    .execute();
  const found = new Map(running.map(({ id, name }) => [id, name]));
  for (const { id, name } of await listCarriers(db, held)) {
    if (!found.has(id) && (await readBefore(db, id, held.component)) === held.version) found.set(id, name);
  }
  return [...found.values()].sort();
}

/** Installs that never reported, by their names: what they run nobody knows, so they may run anything. Not those that were retired. */
export async function listUnheard(db: Database): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('instances')
    .select('name')
    .where('last_report', 'is', null)
    .where(IN_SERVICE)
    .execute();
  return rows.map(({ name }) => name).sort();
}

/** Those that ever deployed it: none else has it as what ran before. */
async function listCarriers(db: Database, { component, version }: Held) {
  return db
    .selectFrom('deployment_changes')
    .innerJoin('changes', 'changes.id', 'deployment_changes.change')
    .innerJoin('instances', 'instances.id', 'deployment_changes.instance')
    .select(['instances.id', 'instances.name'])
    .distinct()
    .where('changes.component', '=', component)
    .where('changes.version', '=', version)
    .where(IN_SERVICE)
    .execute();
}

/** What the last deployment that moved the component moved it from; null where none did. */
async function readBefore(db: Database, instance: string, component: string): Promise<string | null> {
  const rows = await db
    .selectFrom('deployments')
    .select('body')
    .where('instance', '=', instance)
    .where('state', '=', 'committed')
    .orderBy('record', 'desc')
    .execute();
  for (const { body } of rows) {
    const record = JSON.parse(body) as DeploymentRecord;
    const step = record.steps.find((one) => one.component === component && one.from !== one.to);
    if (step !== undefined) return step.from;
  }
  return null;
}
