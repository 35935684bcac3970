// How long answers took, as a histogram of Prometheus: noting one is two additions, and all sums are made when the page is asked for.

import { METRICS_BY_NAME } from './metric-table.ts';

const NAME = 'fairlead_http_request_duration_seconds';
/** In seconds; those that Prometheus's own libraries have. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Of one method, route and status. */
export interface Series {
  note(ms: number): void;
}

export interface Durations {
  /** Routes are patterns, never addresses, which are the caller's to choose: each would make a series. */
  of(method: string, route: string, status: number): Series;
  render(): string;
}

interface Tally extends Series {
  /** How many stayed within each bound and in none before; the last is for those within none. */
  readonly within: readonly number[];
  readonly seconds: number;
}

export function createDurations(): Durations {
  const series = new Map<string, Tally>();
  return {
    of: (method, route, status) => {
      const labels = `method="${method}",route="${route}",status="${status}"`;
      const tally = series.get(labels) ?? createTally();
      series.set(labels, tally);
      return tally;
    },
    render: () => {
      const lines = [`# HELP ${NAME} ${METRICS_BY_NAME[NAME].help}`, `# TYPE ${NAME} histogram`];
      for (const [labels, tally] of series) lines.push(...linesOf(labels, tally));
      return `${lines.join('\n')}\n`;
    },
  };
}

function createTally(): Tally {
  const within = [...BOUNDS.map(() => 0), 0];
  let seconds = 0;
  return {
    within,
    get seconds() {
      return seconds;
    },
    note: (ms) => {
      const took = ms / 1000;
      let at = 0;
      while (at < BOUNDS.length && took > (BOUNDS[at] ?? 0)) at++;
      within[at] = (within[at] ?? 0) + 1;
      seconds += took;
    },
  };
}

function linesOf(labels: string, { within, seconds }: Tally): string[] {
  let count = 0;
  const buckets = within.map((here, at) => {
    count += here;
    return `${NAME}_bucket{le="${BOUNDS[at] ?? '+Inf'}",${labels}} ${count}`;
  });
  return [...buckets, `${NAME}_sum{${labels}} ${seconds}`, `${NAME}_count{${labels}} ${count}`];
}
