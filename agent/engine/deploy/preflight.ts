// Preflight: everything that can be known to go wrong is found before anything stops.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { verifyReversible } from '../../core/deploy/rollback-target.ts';
import type { Probe } from '../../ports/prober.ts';
import { runCommands } from './commands.ts';
import { look } from './health.ts';
import { componentsOf, type PreparedComponent, prepareAll } from './prepare.ts';
import { isDone, type Outcome, type Run } from './run.ts';
import { descentOf } from './stages.ts';

// Room for the journal's, records' and services' own small files; the trees are in the store by now.
const NEEDED_BYTES = 8 << 20;
const NEEDED_INODES = 200;
const BASELINE_TRIES = 3;

/** The last safe point: when it answers `allowed`, services stop next. */
export async function checkBefore(run: Run): Promise<Outcome> {
  await checkSpace(run);
  verifyReversible(await descentOf(run));
  // Rendering the previous generation too: a way back whose secrets are gone is none.
  const changed = await prepareAll(run.options, run.target, run.plan.start);
  refuseExposedSecrets(changed);
  const previous = await prepareAll(run.options, run.previous, componentsOf(run.previous));
  const red = await checkBaseline(run, previous);
  await checkAddresses(run, changed, previous);
  for (const component of changed) await runCommands(run, component, 'preflight');
  for (const component of changed) await takeSnapshot(run, component);
  if (!(await run.stillAllowed())) throw new FairleadError('deploy/no-longer-allowed', {});
  return { event: 'allowed', red };
}

/** What was installed before this rule goes on running, and may be returned to. Error: deploy/secret-in-command. */
function refuseExposedSecrets(changed: readonly PreparedComponent[]): void {
  for (const { component, exposed } of changed) {
    const [first] = exposed;
    if (first !== undefined) throw new FairleadError('deploy/secret-in-command', { component, ...first });
  }
}

/** Error: disk/full. */
export async function checkSpace({ options }: Pick<Run, 'options'>): Promise<void> {
  const { bytes, inodes } = await options.store.freeSpace();
  if (bytes >= NEEDED_BYTES && inodes >= NEEDED_INODES) return;
  throw new FairleadError('disk/full', { path: 'the state directory', needed: NEEDED_BYTES, free: bytes });
}

/** What is unhealthy already. It is never held against the release; where it would change, it blocks unless accepted. */
async function checkBaseline(run: Run, previous: readonly PreparedComponent[]): Promise<ComponentKey[]> {
  const results = await Promise.all(
    previous.map((component) => look(run.options, component, BASELINE_TRIES)),
  );
  const red = results.filter((result) => !result.healthy);
  const blocking = red.find((result) => run.plan.stop.includes(result.component));
  if (blocking !== undefined && !run.acceptUnhealthy) {
    const { component, detail } = blocking;
    throw new FairleadError('deploy/unhealthy-before', { component, detail });
  }
  return red.map((result) => result.component);
}

/** A stranger on the service's address would answer its probes and pass for healthy. Error: deploy/address-taken. */
export async function checkAddresses(
  run: Pick<Run, 'options' | 'previous' | 'plan'>,
  changed: readonly PreparedComponent[],
  previous: readonly PreparedComponent[],
): Promise<void> {
  const ours = new Set(
    previous
      .filter((one) => run.plan.stop.includes(one.component))
      .flatMap((one) => addressesOf(one).map(written)),
  );
  for (const one of changed) {
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

/** Nothing of ours has listened there: at its first installation, and in a slot where nothing runs. */
async function isNewPlace(
  { options, previous }: Pick<Run, 'options' | 'previous'>,
  { component, unit, route }: PreparedComponent,
): Promise<boolean> {
  if (!previous?.releases.has(component)) return true;
  return route !== null && (await options.driver.status(unit.component)).kind !== 'running';
}

type TcpProbe = Probe & { readonly kind: 'tcp' };

function addressesOf(component: PreparedComponent): readonly TcpProbe[] {
  return [...routedAddressesOf(component), ...probedAddressesOf(component)];
}

function routedAddressesOf({ route }: PreparedComponent): readonly TcpProbe[] {
  if (route === null) return [];
  const ports = [route.publicPort, route.port];
  return ports.map((port) => ({ kind: 'tcp', host: '127.0.0.1', port, timeoutMs: 1_000 }));
}

function probedAddressesOf(component: PreparedComponent): readonly TcpProbe[] {
  return component.health.flatMap(({ probe }) => {
    if (probe.kind === 'tcp') return [probe];
    if (probe.kind === 'exec' || !URL.canParse(probe.url)) return [];
    const { hostname, port, protocol } = new URL(probe.url);
    const standard = protocol === 'https:' ? 443 : 80;
    const host = hostname.replace(/^\[|\]$/g, '');
    return [
      { kind: 'tcp', host, port: port === '' ? standard : Number(port), timeoutMs: probe.timeoutMs } as const,
    ];
  });
}

function written(address: TcpProbe): string {
  return `${address.host}:${address.port}`;
}

async function takeSnapshot(run: Run, component: PreparedComponent): Promise<void> {
  const step = { action: 'snapshot', component: component.component } as const;
  if (component.snapshot.length === 0 || isDone(run, step)) return;
  await run.step(step, () => runCommands(run, component, 'snapshot'));
}
