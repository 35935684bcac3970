// Two live agents of one identity: a state directory that was copied speaks with two voices, which take turns.
import type { EpochMs } from '../../shared/encoding/instant.ts';

/** What the server remembers of the processes that spoke for an instance. */
export interface Voices {
  /** The process that spoke last, and those before it, the newest first. */
  readonly boots: readonly string[];
  /** How often one of them spoke again after another had begun, lately. */
  readonly returns: number;
  readonly lastReturn: EpochMs | null;
}

export const NO_VOICES: Voices = { boots: [], returns: 0, lastReturn: null };

const REMEMBERED = 4;
/** A request of an agent that was just restarted may arrive late, once. Two that live keep returning. */
const RETURNS_OF_TWINS = 2;
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;

/** Each start of an agent has a name of its own, so one that returns after another was not restarted: both live. */
export function hear(voices: Voices, boot: string, now: EpochMs): Voices {
  const { boots, lastReturn } = voices;
  if (boots[0] === boot) return voices;
  const heard = [boot, ...boots.filter((one) => one !== boot)].slice(0, REMEMBERED);
  if (!boots.includes(boot)) return { ...voices, boots: heard };
  const recent = lastReturn !== null && now - lastReturn < FORGOTTEN_MS;
  return { boots: heard, returns: (recent ? voices.returns : 0) + 1, lastReturn: now };
}

/** When two agents were last heard in turns; null when there is one, as far as anybody can tell. */
export function twinsHeard({ returns, lastReturn }: Voices): EpochMs | null {
  return returns >= RETURNS_OF_TWINS ? lastReturn : null;
}
