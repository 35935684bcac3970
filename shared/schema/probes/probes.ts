// Every kind of health probe there is: what stands here can be written in a release, rendered, checked and asked.
import { z } from 'zod';
import type { Located } from '../common.ts';
import type { Words } from '../words.ts';
import { exec } from './exec.ts';
import { http } from './http.ts';
import type { Address, ProbeKind, ProbePlaces } from './probe-kind.ts';
import { tcp } from './tcp.ts';
import { unix } from './unix.ts';

const KINDS = [http, tcp, exec, unix] as const;

export const healthProbe = z.union([http.schema, tcp.schema, exec.schema, unix.schema]);

export type HealthProbe = z.output<typeof healthProbe>;

/** What can be asked of a service: a probe with every `${…}` resolved. */
export type Question = ReturnType<(typeof KINDS)[number]['render']>;
export type QuestionKind = Question['kind'];
/** Of one kind: `Asked<'http'>`. */
export type Asked<Kind extends QuestionKind> = Extract<Question, { readonly kind: Kind }>;

export const PROBE_WORDS: Words = Object.assign({}, ...KINDS.map(({ words }) => words));

export function renderProbe(probe: HealthProbe, places: ProbePlaces): Question {
  return kindOf(probe).render(probe, places);
}

/** Where a stranger could answer in the service's place; null where no stranger can. */
export function addressOf(question: Question): Address | null {
  const kind = KINDS.find(({ key }) => key === question.kind) as AnyKind | undefined;
  return kind?.addressOf(question) ?? null;
}

/** The words of a probe that is a command; null for every other. */
export function commandOf(probe: HealthProbe): readonly string[] | null {
  return kindOf(probe).isCommand === true && 'exec' in probe ? probe.exec : null;
}

/** Every text that may hold variables, with its place in the probe. */
export function textsOf(probe: HealthProbe): readonly Located[] {
  const values: Readonly<Record<string, unknown>> = probe;
  return kindOf(probe).texts.flatMap((key): readonly Located[] => {
    const value = values[key];
    if (typeof value === 'string') return [[[key], value]];
    return Array.isArray(value) ? value.map((word, at): Located => [[key, at], String(word)]) : [];
  });
}

type AnyKind = ProbeKind<string, z.ZodObject, Question> & {
  render(probe: HealthProbe, places: ProbePlaces): Question;
};

export function kindOf(probe: HealthProbe): AnyKind {
  const kind = KINDS.find(({ key }) => key in probe);
  if (kind === undefined) throw new TypeError('a probe is of a kind');
  return kind as unknown as AnyKind;
}
