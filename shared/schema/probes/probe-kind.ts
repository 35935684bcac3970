// What a kind of health probe is, in every room that has to do with probes; the asking itself is in shared/node/probes.
import { z } from 'zod';
import { duration } from '../common.ts';
import type { Words } from '../words.ts';

export interface ProbeKind<Key extends string, Schema extends z.ZodObject, Question> {
  /** The key that only probes of this kind have. */
  readonly key: Key;
  /** Its own keys; those of `TIMING` are everybody's. */
  readonly schema: Schema;
  /** What each of its keys is for. */
  readonly words: Words;
  /** The keys whose text may hold variables: a text, or for a command its words. */
  readonly texts: readonly (keyof z.output<Schema> & string)[];
  /** Its words are those of a command, which runs in the tree as the service does. */
  readonly isCommand?: true;
  /** Ready to be asked, with every variable filled. */
  render(probe: z.output<Schema>, places: ProbePlaces): Question;
  /** What would fail on every install. `known` is null for a text that depends on an operator. */
  lint(probe: z.output<Schema>, known: (text: string) => string | null): readonly ProbeProblem[];
  /** Where a stranger could answer in the service's place; null where no stranger can. */
  addressOf(question: Question): Address | null;
}

export interface ProbePlaces {
  readonly tree: string;
  readonly data: string;
  /** `key` is that of the text, for whoever has to name it. */
  readonly fill: (text: string, key: string) => string;
}

export interface ProbeProblem {
  readonly key: string;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The answer to a question, in one line for the record: `HTTP 200`, `ECONNREFUSED`, `exit status 1: …`. */
export interface Answer {
  readonly healthy: boolean;
  readonly detail: string;
}

/** When a probe is asked, and how many answers count. */
export const TIMING = {
  startPeriod: duration.default('PT30S'),
  interval: duration.default('PT2S'),
  timeout: duration.default('PT5S'),
  successes: z.int().min(1).max(100).default(3),
  failures: z.int().min(1).max(100).default(3),
};

/** Says nothing at run time: it holds the parts of a kind to each other. */
export function probeKind<const Key extends string, Schema extends z.ZodObject, Question>(
  kind: ProbeKind<Key, Schema, Question>,
): ProbeKind<Key, Schema, Question> {
  return kind;
}
