// The bounds of every time in a release, by the name of its key.
type Bounds = readonly [shortest: string, longest: string];

/** Nothing waits for less than a second; what a person starts may take a working day, what stops an hour. */
export const TIME_BOUNDS = {
  stopTimeout: ['PT1S', 'PT1H'],
  startTimeout: ['PT1S', 'PT2H'],
  once: ['PT1S', 'PT1H30M'],
  statusTimeout: ['PT1S', 'PT5M'],
  startPeriod: ['PT0S', 'PT1H'],
  interval: ['PT1S', 'PT1H'],
  probeTimeout: ['PT1S', 'PT10M'],
  smokeTimeout: ['PT1S', 'PT1H'],
  hookTimeout: ['PT1S', 'PT8H'],
} as const satisfies Readonly<Record<string, Bounds>>;

/** The form of such a time, for people. */
export function between(time: keyof typeof TIME_BOUNDS): string {
  const [shortest, longest] = TIME_BOUNDS[time];
  return `duration, \`${shortest}\` to \`${longest}\``;
}
