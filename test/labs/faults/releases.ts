// Releases of the laboratory: real packs of small trees, and how an instance is brought to one of them.
import { hexOf } from '../../../shared/encoding/digest.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentRecord, PlanReason } from '../../../shared/schema/deployment.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import {
  draftPack,
  entryOf,
  join,
  SAMPLE_ENTRIES,
  sectionsOf,
} from '../../agent/adapters/tree-store/pack-builder.ts';
import {
  API,
  AUTH,
  type Deployable,
  deployableOf,
  type Extras,
  planOf,
  releaseOf,
} from '../../support/deploy-releases.ts';
import type { Instance } from './laboratory.ts';

const packs = new Map<string, Buffer>();
/** The full pack of every tree, by the tree's digest in hex. */
export const PACKS: ReadonlyMap<string, Buffer> = packs;

const releases = new Map<string, string>();
/** `core/auth@1.0.0` for every tree, by the tree's digest in hex. */
export const RELEASES: ReadonlyMap<string, string> = releases;

/** What a rollback may undo without asking: no data is snapshot or restored. */
export const UNDOABLE: Extras = { hooks: {}, reversible: 'yes' };

export const ONE = deployable({ [AUTH]: '1.0.0', [API]: '1.0.0' });
export const TWO = deployable({ [AUTH]: '1.1.0', [API]: '1.1.0' });
export const UNDOABLE_ONE = deployable({ [AUTH]: '1.0.0', [API]: '1.0.0' }, UNDOABLE);
export const UNDOABLE_TWO = deployable({ [AUTH]: '1.1.0', [API]: '1.0.0' }, UNDOABLE);

/** Forces `core/auth` from anything before 1.0.1 to that, from the beginning of the laboratory's clock on. */
export const ORDER = advisory.parse({
  schema: 'fairlead/advisory@1',
  id: 'FL-2026-0003',
  title: 'a hole',
  severity: 'critical',
  cves: [],
  affected: [{ component: AUTH, versions: '<1.0.1' }],
  fixed: [{ component: AUTH, version: '1.0.1' }],
  order: { notice: 'PT0S', deadline: '2026-01-30T10:00:00Z' },
  published: '2026-01-20T00:00:00Z',
});

const NEXT = deployable({ [AUTH]: '2.0.0' });

/** A deployment that every instance must still be able to make, whatever happened to it. */
export const deployNext = deployTo(NEXT);

export function deployTo(to: Deployable, reason: PlanReason = { kind: 'channel' }) {
  return async ({ deployer }: Instance): Promise<DeploymentRecord> => {
    const plan = planOf(await deployer.current(), to, reason);
    return deployer.deploy({ ...to, plan, actor: 'agent', stillAllowed: async () => true });
  };
}

/** A service that does nothing, twice: its child must end with it. */
export function asProcesses(versions: Readonly<Record<string, string>>): Deployable {
  const exec = ['/bin/sh', '-c', 'sleep 600 & wait', 'SERVICE'];
  const health = [{ exec: ['true'], startPeriod: 'PT5S', interval: 'PT1S', successes: 2, failures: 2 }];
  const service = { driver: 'process', exec, stopTimeout: 'PT5S' };
  return deployable(versions, { service, health, smoke: [{ exec: ['true'] }], hooks: {} });
}

/** Ports that nobody opens: the services of the laboratory are noted with theirs. */
const PORTS = { port: 8080, blue: 8081, green: 8082 };

/** One capability that is updated beside its predecessor. */
export function blueGreen(version: string): Deployable {
  const integer = { type: 'integer' };
  const rule = { startPeriod: 'PT10S', interval: 'PT1S', successes: 2, failures: 2 };
  const own = {
    ...UNDOABLE,
    service: {
      driver: 'process',
      exec: ['serve', `${AUTH}@${version}`],
      env: { PORT: '${settings.port}' },
      blueGreen: { public: 'port', slots: ['blue', 'green'] },
    },
    settings: { port: integer, blue: integer, green: integer },
    health: [{ http: 'http://auth.test:${settings.port}/', ...rule }],
  };
  return deployable({ [AUTH]: version }, own, { [AUTH]: PORTS });
}

/** Containers with their data in volumes, of which a copy is made; and a program beside them. */
export function withVolumes(version: string, other: string): Deployable {
  const images = [{ archive: 'a.tar', digest: `sha256:${'a'.repeat(64)}` }];
  const env = { RELEASE: `${AUTH}@${version}` };
  const service = { driver: 'compose', file: 'compose.yaml', images, env, snapshot: ['data', 'files'] };
  const { releases: containers } = deployable({ [AUTH]: version }, { service, hooks: {}, smoke: [] });
  const { releases: beside } = deployable({ [API]: other }, UNDOABLE);
  return deployableOf(Object.fromEntries([...containers, ...beside]), { [AUTH]: {}, [API]: {} });
}

export function deployable(
  versions: Readonly<Record<string, string>>,
  extras: Extras = {},
  settings: Parameters<typeof deployableOf>[1] = {},
  treeOf = packedTree,
): Deployable {
  const all = Object.entries(versions).map(([key, version]) => {
    const component = key as ComponentKey;
    const release = `${component}@${version}`;
    const command = (name: string) => [{ exec: [name, release] }];
    const hooks = {
      preflight: command('preflight'),
      snapshot: command('snapshot'),
      restore: command('restore'),
    };
    const noted = { smoke: command('smoke'), hooks, reversible: 'snapshot' };
    const own = { ...noted, ...extras, tree: treeOf(component, version) };
    return [component, releaseOf(component, version, own)] as const;
  });
  return deployableOf(Object.fromEntries(all), settings);
}

/** The sample tree with a name of its own in it. */
function packedTree(component: string, version: string): TreeRef {
  const name = `${component}@${version}`;
  const own = entryOf(`text-${name.replace('/', '-')}`, 'one text, two files\n');
  const draft = draftPack(SAMPLE_ENTRIES.with(-1, own));
  packs.set(hexOf(draft.ref.digest), join(sectionsOf(draft)));
  releases.set(hexOf(draft.ref.digest), name);
  return draft.ref;
}
