// Signs of life: every part of the agent that must get on says by when it will be heard of again.

/** `rounds` ask, decide and report; `services` deploys and looks after what runs. */
export type Part = 'rounds' | 'services';

export interface Pulse {
  /** The next sign comes within `ms`. An earlier promise that reaches further stands: work goes on side by side. */
  promise(part: Part, ms: number): void;
  /** Nothing is promised until the next sign: another part does the work. */
  rest(part: Part): void;
}
