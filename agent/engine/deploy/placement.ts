// The placement of a component, chosen by its release alone: from here on nobody asks whether it is blue-green.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { blueGreenOf, type Succession, selectServing } from '../../core/deploy/blue-green.ts';
import { render } from '../../core/deploy/render.ts';
import type { Place, Placement } from '../../ports/deploy.ts';
import { placeSideBySide, type SideBySidePorts } from './side-by-side.ts';

/** `release` is what the component is, or was; nothing is known of one that is gone. */
export function placementOf(
  ports: SideBySidePorts,
  component: ComponentKey,
  release: CapabilityRelease | undefined,
): Placement {
  const blueGreen = blueGreenOf(release);
  return blueGreen === null ? placeAlone(component) : placeSideBySide(ports, component, blueGreen);
}

/** Those that stop before anything of the plan starts: by then their places are free. */
export function servicesLeaving({
  options,
  ...succession
}: Succession & { readonly options: SideBySidePorts }): ReadonlySet<ComponentKey> {
  const { plan, previous } = succession;
  const serving = selectServing(succession);
  const services = plan.stop
    .filter((component) => !serving.has(component))
    .flatMap((key) => placementOf(options, key, previous?.releases.get(key)?.document).services);
  return new Set(services);
}

/** Clients connect to the service itself, and the next version comes when this one has stopped. */
function placeAlone(component: ComponentKey): Placement {
  return {
    services: [component],
    place: async (input) => ({ ...render(input), place: onlyPlaceOf(component) }),
    close: async () => undefined,
  };
}

function onlyPlaceOf(component: ComponentKey): Place {
  return {
    ports: [],
    isVacant: async () => false,
    makeRoom: async () => 0,
    open: async () => undefined,
    keepOpen: async () => undefined,
    neighbour: {
      service: component,
      drainMs: 0,
      isThere: async () => false,
      connections: async () => 0,
      stop: async () => 0,
    },
  };
}
