// Preflight: everything that can be known to go wrong is found before anything stops.
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Pulled } from '../../../shared/schema/deployment.ts';
import { addressOf } from '../../../shared/schema/probes/probes.ts';
import { accountsOf, programCallsOf, unfitWord } from '../../core/deploy/program-calls.ts';
import { verifyReversible } from '../../core/deploy/rollback-target.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { Probe } from '../../ports/machine.ts';
import { mayLeaveDamage } from './files.ts';
import { look } from './health.ts';
import type { DeployerOptions } from './options.ts';
import { servicesLeaving } from './placement.ts';
import { componentsOf, onBehalfOf, prepareAll } from './prepare.ts';
import { isDone, type Outcome, type Run, runCommands } from './run.ts';
import { descentOf } from './stages.ts';
import { verifyCopies, verifyVolumeRoom, verifyVolumesWhole } from './volumes.ts';

// Room for the journal's, records' and services' own small files; the trees are in the store by now.
const NEEDED_BYTES = 8 << 20;
const NEEDED_INODES = 200;
const BASELINE_TRIES = 3;

/** The last safe point: when it answers `allowed`, services stop next. Whatever it comes to, it tells which images came. */
export async function checkBefore(run: Run, onPulled: (pulled: Pulled) => void): Promise<Outcome> {
  await checkSpace(run);
  const descent = await descentOf(run);
  verifyReversible(descent);
  await verifyCopies(run.options, descent);
  // Judged where it will start, which the stop may leave free.
  const place = () => prepareAll(run.options, run.target, run.plan.start, servicesLeaving(run));
  let changed = await place();
  const previous = await prepareWayBack(run);
  const each = async (act: (one: PlacedComponent) => Promise<void>) => {
    for (const one of changed) await onBehalfOf(one.component, () => act(one));
  };
  await each((one) => verifyVolumesWhole(run, one));
  await each(refuseExposedSecrets);
  await each((one) => checkCalls(run.options, one));
  if (await handFiles(run, changed)) changed = await place();
  const red = await checkBaseline(run, previous);
  await each((one) => checkAddresses(run, [one], previous));
  await each(async ({ unit }) => {
    const pulled = await run.options.driver.prepare(unit, false, run.yielded);
    if (pulled !== undefined) onPulled(pulled);
  });
  await verifyVolumeRoom(run, changed);
  await readyWayBack(run, previous);
  await each((one) => runCommands(run, one, 'preflight'));
  // A snapshot may take most of a window: none is begun for what may not go on already.
  if (changed.some(({ snapshot }) => snapshot.length > 0)) await verifyAllowed(run);
  await each((one) => takeSnapshot(run, one));
  await verifyAllowed(run);
  return { event: 'allowed', red };
}

/** Error: deploy/no-longer-allowed. */
async function verifyAllowed({ stillAllowed, options }: Run): Promise<void> {
  if (!(await stillAllowed(await options.soakMs()))) throw new FairleadError('deploy/no-longer-allowed', {});
}

/** Before the first of their programs runs, which hooks may be. True where one stands elsewhere since. Errors: disk/*. */
async function handFiles({ options, target }: Run, changed: readonly PlacedComponent[]): Promise<boolean> {
  let isMoved = false;
  for (const one of changed) {
    const tree = target.releases.get(one.component)?.document.tree.digest;
    if (tree === undefined) continue;
    const moves = await onBehalfOf(one.component, () => options.trees.hand(tree, accountsOf(one)));
    isMoved ||= moves;
  }
  return isMoved;
}

/** What was installed before this rule goes on running, and may be returned to. Error: deploy/secret-in-command. */
async function refuseExposedSecrets({ component, exposed }: PlacedComponent): Promise<void> {
  const [first] = exposed;
  if (first !== undefined) throw new FairleadError('deploy/secret-in-command', { component, ...first });
}

/** A way back whose secrets are gone is none. A hole that is being used does not wait for them. */
async function prepareWayBack({ options, previous, plan }: Run): Promise<readonly PlacedComponent[]> {
  const prepared: PlacedComponent[] = [];
  for (const component of componentsOf(previous)) {
    try {
      prepared.push(...(await prepareAll(options, previous, [component])));
    } catch (error) {
      if (plan.reason.kind !== 'forced') throw error;
      options.onWarning(error);
    }
  }
  return prepared;
}

/** What could not be started again is not stopped: where the next version fails, nothing would run. */
async function readyWayBack(run: Run, previous: readonly PlacedComponent[]): Promise<void> {
  const { plan, options } = run;
  if (plan.reason.kind === 'rollback') return;
  for (const { component, unit } of previous.filter((one) => plan.stop.includes(one.component))) {
    try {
      await options.driver.prepare(unit, true, run.yielded);
    } catch (cause) {
      const isUnready = isFairleadError(cause, 'service/start-failed');
      const { problem } = isUnready ? cause.data : { problem: '' };
      const error = isUnready
        ? new FairleadError('deploy/way-back-unready', { component, problem }, { cause })
        : cause;
      if (!mayLeaveDamage(run)) throw error;
      options.onWarning(error);
    }
  }
}

/** Would the system run what the component is made of? Errors: service/no-program, service/not-runnable. */
export async function checkCalls(
  { findProgram }: Pick<DeployerOptions, 'findProgram'>,
  component: PlacedComponent,
): Promise<void> {
  for (const call of programCallsOf(component)) await findProgram(call);
  const problem = unfitWord(component);
  if (problem === null) return;
  throw new FairleadError('service/not-runnable', { program: component.component, problem });
}

/** Error: disk/full. */
export async function checkSpace({ options }: Pick<Run, 'options'>): Promise<void> {
  const { bytes, inodes } = await options.store.freeSpace();
  if (bytes >= NEEDED_BYTES && inodes >= NEEDED_INODES) return;
  throw new FairleadError('disk/full', { path: 'the state directory', needed: NEEDED_BYTES, free: bytes });
}

/** What is unhealthy already. It is never held against the release; where it would change, it blocks unless accepted or forced. */
async function checkBaseline(run: Run, previous: readonly PlacedComponent[]): Promise<ComponentKey[]> {
  const results = await Promise.all(
    previous.map((component) => look(run.options, component, BASELINE_TRIES)),
  );
  const red = results.filter((result) => !result.healthy);
  const blocking = red.find((result) => run.plan.stop.includes(result.component));
  if (blocking !== undefined && !run.acceptUnhealthy && run.plan.reason.kind !== 'forced') {
    const { component, detail } = blocking;
    throw new FairleadError('deploy/unhealthy-before', { component, detail });
  }
  return red.map((result) => result.component);
}

/** Who else answers on the service's address would pass for it, and for healthy. Errors: deploy/address-taken, deploy/address-shared. */
export async function checkAddresses(
  run: Pick<Run, 'options' | 'previous' | 'plan'>,
  changed: readonly PlacedComponent[],
  previous: readonly PlacedComponent[],
): Promise<void> {
  const ours = new Set(
    previous
      .filter((one) => run.plan.stop.includes(one.component))
      .flatMap((one) => addressesOf(one).map(written)),
  );
  for (const one of changed) {
    refuseNeighbours(run.plan, one, previous);
    if (!(await isNewPlace(run, one))) continue;
    for (const address of addressesOf(one)) {
      if (ours.has(written(address))) continue;
      const { healthy } = await run.options.prober.probe(address, new AbortController().signal);
      if (healthy) {
        throw new FairleadError('deploy/address-taken', {
          component: one.component,
          address: written(address),
        });
      }
    }
  }
}

/** Whom a gateway in front of both answers for says so from the first version on: only a new address is held against an update. */
function refuseNeighbours(
  { stop, reason }: Run['plan'],
  one: PlacedComponent,
  previous: readonly PlacedComponent[],
): void {
  const before = previous.find(({ component }) => component === one.component);
  if (before === undefined || reason.kind === 'forced') return;
  const own = new Set(addressesOf(before).map(written));
  const fresh = new Set(
    addressesOf(one)
      .map(written)
      .filter((address) => !own.has(address)),
  );
  for (const neighbour of previous.filter(({ component }) => !stop.includes(component))) {
    const address = addressesOf(neighbour)
      .map(written)
      .find((each) => fresh.has(each));
    if (address === undefined) continue;
    const { component } = one;
    throw new FairleadError('deploy/address-shared', { component, address, neighbour: neighbour.component });
  }
}

/** Nothing of ours has listened there: at its first installation, and in a place that stands empty. */
async function isNewPlace(
  { previous }: Pick<Run, 'previous'>,
  { component, place }: PlacedComponent,
): Promise<boolean> {
  return !previous?.releases.has(component) || (await place.isVacant());
}

type TcpProbe = Probe & { readonly kind: 'tcp' };

function addressesOf(component: PlacedComponent): readonly TcpProbe[] {
  const own = component.place.ports.map(
    (port) => ({ kind: 'tcp', host: '127.0.0.1', port, timeoutMs: 1_000 }) as const,
  );
  return [...own, ...probedAddressesOf(component)];
}

function probedAddressesOf(component: PlacedComponent): readonly TcpProbe[] {
  return component.health.flatMap(({ probe }) => {
    const address = addressOf(probe);
    return address === null ? [] : [{ kind: 'tcp', ...address, timeoutMs: probe.timeoutMs } as const];
  });
}

function written(address: TcpProbe): string {
  return `${address.host}:${address.port}`;
}

async function takeSnapshot(run: Run, component: PlacedComponent): Promise<void> {
  const step = { action: 'snapshot', component: component.component } as const;
  if (component.snapshot.length === 0 || isDone(run, step)) return;
  await run.step(step, () => runCommands(run, component, 'snapshot'));
}
