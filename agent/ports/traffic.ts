// The traffic of a blue-green capability: one public port, and the slot behind it that gets new connections.
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { Slot } from '../core/deploy/blue-green.ts';
import type { ProgramUnit } from '../core/deploy/service-unit.ts';

export interface Route {
  readonly component: ComponentKey;
  /** Who runs what keeps the public port: the same as the service's. */
  readonly driver: ProgramUnit['kind'];
  readonly slot: Slot;
  /** Where traffic comes in. */
  readonly address: string;
  readonly publicPort: number;
  /** Where it goes, on this machine. */
  readonly port: number;
  /** The account that keeps the public port. */
  readonly user: string | null;
}

export interface Traffic {
  /** Null when nothing was ever directed. */
  slotOf(component: ComponentKey): Promise<Slot | null>;
  /**
   * From here on every new connection goes to the slot; open ones stay where they are. Starts what listens when it does not
   * run. Idempotent. Errors: service/no-traffic, service/start-failed, disk/*.
   */
  direct(route: Route): Promise<void>;
  /** Connections that the switch holds open to a port of this machine, half-closed ones included. */
  connectionsTo(port: number): Promise<number>;
  /** Nobody listens any more. Idempotent. */
  close(component: ComponentKey): Promise<void>;
}
