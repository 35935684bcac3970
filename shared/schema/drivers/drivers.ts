// Every driver there is: what stands here can be written in a release, checked, rendered and tried.
import { z } from 'zod';
import type { Words } from '../words.ts';
import { agentDriver } from './agent.ts';
import { commandDriver } from './command.ts';
import { composeDriver } from './compose.ts';
import type { DriverKind, ServicePlaces, TrialWay } from './driver-kind.ts';
import type { ReferredImage } from './images.ts';
import { processDriver, systemdDriver } from './program.ts';

/** What runs services, as releases and `agent install --drivers` name it. */
const SERVING = [processDriver, systemdDriver, commandDriver, composeDriver] as const;
export const DRIVER_NAMES = SERVING.map(({ name }) => name);
const KINDS = [...SERVING, agentDriver] as const;
const NAMES = KINDS.map(({ name }) => `"${name}"`);

/** Values may hold `${settings.NAME}`, `${dir.tree}` (the files of this version) and `${dir.data}` (kept across versions). */
export const service = z.discriminatedUnion(
  'driver',
  [
    processDriver.schema,
    systemdDriver.schema,
    commandDriver.schema,
    composeDriver.schema,
    agentDriver.schema,
  ],
  { error: `a service run by the driver ${NAMES.slice(0, -1).join(', ')} or ${NAMES.at(-1)}` },
);

export type Service = z.output<typeof service>;

/** The images that it has fetched from registries. */
export function referredImages(one: Service): readonly ReferredImage[] {
  return one.driver === 'compose' ? one.images.filter((image) => 'ref' in image) : [];
}

/** What a driver of the agent is given, beside what all are: every `${…}` resolved. */
export type ServicePart = ReturnType<(typeof KINDS)[number]['render']>;

export type DriverName = ServicePart['kind'];

/** `enabled` is what the agent was installed for, undefined where that is everything. Its own updates run no service, and need no leave. */
export function isDriverEnabled(driver: DriverName, enabled: readonly string[] | undefined): boolean {
  return driver === 'agent' || enabled === undefined || enabled.includes(driver);
}

export const DRIVER_WORDS: Words = Object.assign({}, ...KINDS.map(({ words }) => words));

export function renderService(one: Service, places: ServicePlaces): ServicePart {
  return kindOf(one.driver).render(one, places);
}

export function trialOf(part: ServicePart): TrialWay {
  return kindOf(part.kind).trial(part);
}

export interface ServiceCommand {
  readonly key: string;
  readonly words: readonly string[];
}

/** The commands of a service, as written or ready to run. */
export function commandsOf(one: Service | ServicePart): readonly ServiceCommand[] {
  const values: Readonly<Record<string, unknown>> = one;
  const { commands } = kindOf('driver' in one ? one.driver : one.kind);
  return commands.map((key) => ({ key, words: values[key] as readonly string[] }));
}

type AnyKind = Omit<DriverKind<string, z.ZodObject, ServicePart>, 'render' | 'commands'> & {
  readonly commands: readonly string[];
  render(one: Service, places: ServicePlaces): ServicePart;
};

function kindOf(driver: Service['driver']): AnyKind {
  const kind = KINDS.find(({ name }) => name === driver);
  if (kind === undefined) throw new TypeError('a service has a driver');
  return kind as unknown as AnyKind;
}
