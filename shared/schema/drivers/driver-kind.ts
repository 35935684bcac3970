// What a driver is, in every room that has to do with services; running them is the agent's, in agent/adapters/drivers.
import { z } from 'zod';
import { COMMAND, type KeyWords, type Words } from '../words.ts';

export interface DriverKind<Name extends string, Schema extends z.ZodObject, Part> {
  readonly name: Name;
  /** The whole of `service` where it is this driver's. */
  readonly schema: Schema;
  /** What each key is for that not every driver has. */
  readonly words: Words;
  /** The keys of its commands: words in which variables may stand, under the same name in the schema and the part. */
  readonly commands: readonly (keyof z.output<Schema> & keyof Part & string)[];
  /** What the agent's driver is given, beside what every driver is. */
  render(service: z.output<Schema>, places: ServicePlaces): Part;
  /** How it is tried on a vendor's machine, which has no agent. */
  trial(part: Part): TrialWay;
}

export interface ServicePlaces {
  readonly tree: string;
  /** `key` is that of the text, for whoever has to name it. */
  readonly fill: (text: string, key: string) => string;
}

export type TrialWay =
  /** One program that stays in the foreground, and ends when it is told to. */
  | { readonly kind: 'program'; readonly exec: readonly string[] }
  /** Commands that return when it is started, and when it has stopped. */
  | {
      readonly kind: 'commands';
      readonly start: readonly string[];
      readonly startTimeoutMs: number;
      readonly stop: readonly string[];
    }
  | { readonly kind: 'impossible'; readonly problem: string; readonly remedy: string };

/** Says nothing at run time: it holds the parts of a driver to each other. */
export function driverKind<const Name extends string, Schema extends z.ZodObject, Part>(
  kind: DriverKind<Name, Schema, Part>,
): DriverKind<Name, Schema, Part> {
  return kind;
}

export function filled(places: ServicePlaces, words: readonly string[], key: string): readonly string[] {
  return words.map((word) => places.fill(word, key));
}

export const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'an environment variable name' }),
  z.string().max(32_768),
);

/** The operating-system account; without it the service runs as the agent does. */
export const user = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: 'an account name' })
  .optional();

/** The switch stands before one port that the agent can move: what a vendor's commands open and keep is theirs alone. */
export const noBlueGreen = z
  .unknown()
  .refine(() => false, {
    error: 'a service of the driver "process", "systemd" or "compose" for two versions side by side',
  })
  .transform(() => undefined)
  .meta({ not: {} })
  .optional();

export const commandWords = (about: string, example: string): KeyWords => ({ form: COMMAND, about, example });
