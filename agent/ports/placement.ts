// Where a component's services stand and how clients reach them: alone in one place, or side by side behind a public port.
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { RenderInput, RunnableComponent } from '../core/deploy/render.ts';

export interface Placement {
  /** Every name under which a driver may run something for the component. */
  readonly services: readonly ComponentKey[];
  /** Everything needed to run it, where it runs or else where it would. Errors: deploy/no-port, deploy/unknown-variable. */
  place(input: RenderInput): Promise<PlacedComponent>;
  /** Nobody listens for its clients any more: whatever comes next may want their port for itself. Idempotent. */
  close(): Promise<void>;
}

export interface PlacedComponent extends RunnableComponent {
  readonly place: Place;
}

export interface Place {
  /** Ports of this machine that it takes, beside those that its probes name. */
  readonly ports: readonly number[];
  /** Nothing of ours listens there, even where a version before it runs. */
  isVacant(): Promise<boolean>;
  /** Before it starts: what stands there gives way. Answers with the connections that cut. Error: service/stuck. */
  makeRoom(): Promise<number>;
  /** From here on new connections come to it; whoever must act for that acts through `act`. Idempotent. Errors: service/*, disk/*. */
  open(act?: (direct: () => Promise<void>) => Promise<void>): Promise<void>;
  /** While it runs, its clients find somebody at their port. Until the signal aborts. */
  keepOpen(signal: AbortSignal): Promise<void>;
  readonly neighbour: Neighbour;
}

/** The version before or the next one, which may still be serving. */
export interface Neighbour {
  /** What the driver calls it; the component itself where nothing can stand beside it. */
  readonly service: ComponentKey;
  /** How long open connections may take to end. */
  readonly drainMs: number;
  isThere(): Promise<boolean>;
  connections(): Promise<number>;
  /** Answers with the connections that were still open. Error: service/stuck. */
  stop(): Promise<number>;
}
