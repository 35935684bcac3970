// What a chaos run did to its programs, in numbers.

/** Kills, by what was hit: `command`, `server`, `agent, idle`, `agent, soaking`. */
export interface Tally {
  readonly kills: Readonly<Record<string, number>>;
  /** Commands run again because what they needed was away, or because they were killed. */
  readonly reruns: number;
  /** Deployments that the agent's status showed again, still under way, after a kill. */
  readonly resumed: number;
}

export const NOTHING_KILLED: Tally = { kills: {}, reruns: 0, resumed: 0 };

export function addTallies(a: Tally, b: Tally): Tally {
  const kills = { ...a.kills };
  for (const [what, count] of Object.entries(b.kills)) kills[what] = (kills[what] ?? 0) + count;
  return { kills, reruns: a.reruns + b.reruns, resumed: a.resumed + b.resumed };
}

export function formatTally({ kills, reruns, resumed }: Tally): string {
  const total = Object.values(kills).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(kills)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, count]) => `${what} ${count}`);
  return `${total} kills (${parts.join(', ')}), ${reruns} reruns, ${resumed} deployments resumed`;
}
