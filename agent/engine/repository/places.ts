// Where the repository is asked: the vendor's server, and where that fails the copies of it that there are. None of them is believed.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { ListedMirror } from '../../../shared/schema/mirrors.ts';
import type { RepositorySource } from '../../ports/server.ts';

export type PlaceSource = Pick<RepositorySource, 'metadata' | 'document' | 'mirror'>;

type Outcome = 'changed' | 'unchanged';

/** Copies of the repository: those that the operator named, or else those that the vendor's signed list has for this install. */
export interface Mirrors {
  /** In the order in which they are asked where the server fails; the same object for the same place. */
  sources(): Promise<readonly PlaceSource[]>;
  /** What the signed list says from now on. */
  learn(listed: readonly ListedMirror[]): void;
}

export interface Places {
  /** The one that is asked now. */
  readonly source: Pick<RepositorySource, 'metadata' | 'document'>;
  /**
   * Looks at the server, and where that does not answer at every mirror: any may lag, and one that is behind hides nothing
   * that another has. `moving` is called where the place changes: what one place calls a file says nothing about another's.
   * Errors: of the server, where nobody could be asked; disk/*.
   */
  refresh(now: EpochMs, look: () => Promise<Outcome>, moving: () => void): Promise<Outcome>;
  /** The mirror that answered last; null where it was the server, or nobody. */
  mirror(): string | null;
}

export function createPlaces(server: PlaceSource, copies?: Pick<Mirrors, 'sources'>): Places {
  const rests = createRests();
  let current = server;
  let answered: string | null = null;

  const refresh: Places['refresh'] = async (now, look, moving) => {
    const failures: unknown[] = [];
    const heard: Outcome[] = [];
    const mirrors = (await copies?.sources()) ?? [];
    for (const place of [server, ...mirrors]) {
      const rest = mirrors.length === 0 ? null : rests.of(place, now);
      if (rest !== null) failures.push(rest.error);
      if (rest !== null) continue;
      if (place !== current) moving();
      current = place;
      try {
        const outcome = await look();
        if (heard.length === 0 || outcome === 'changed') answered = place.mirror ?? null;
        heard.push(outcome);
        if (place === server) break;
      } catch (error) {
        // What this machine's own disk does not take no other place can mend.
        if (isFairleadError(error) && error.code.startsWith('disk/')) throw error;
        rests.note(place, error, now);
        failures.push(error);
      }
    }
    if (heard.length > 0) return heard.includes('changed') ? 'changed' : 'unchanged';
    answered = null;
    throw failures[0];
  };
  return {
    source: {
      metadata: (file, options) => current.metadata(file, options),
      document: (path, hash, maxBytes) => current.document(path, hash, maxBytes),
    },
    refresh,
    mirror: () => answered,
  };
}

interface Rest {
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly error: unknown;
}

/** Whatever a server says. */
const LONGEST_REST_MS = 3_600_000;

/** Who said how long it wants to be left alone is left alone, though others are asked meanwhile. */
function createRests() {
  const rests = new WeakMap<PlaceSource, Rest>();
  return {
    of(place: PlaceSource, now: EpochMs): Rest | null {
      const rest = rests.get(place);
      return rest !== undefined && now >= rest.from && now < rest.until ? rest : null;
    },
    note(place: PlaceSource, error: unknown, now: EpochMs): void {
      const seconds = isFairleadError(error, 'transport/refused') ? (error.data.retryAfterSeconds ?? 0) : 0;
      rests.set(place, { from: now, until: now + Math.min(seconds * 1_000, LONGEST_REST_MS), error });
    },
  };
}
