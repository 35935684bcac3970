// The instance configuration: what one install runs and with which settings. Local, never signed by the vendor.
import { z } from 'zod';
import { name } from './common.ts';
import { REACHES, SHARED_NETWORK } from './drivers/confined-keys.ts';

/**
 * Text that the operator of this install wrote. In it alone `${env:NAME}` and `${file:PATH}` are read, when a service
 * starts: the agent reads them with its own rights, so that text of a release in this place would be a way to any file.
 */
export type OperatorText = string & { readonly __brand: 'OperatorText' };

const settingValue = z.union([
  z
    .string()
    .max(32_768)
    .transform((text) => text as OperatorText),
  z.int(),
  z.boolean(),
]);

/** More than anybody writes for one capability. */
export const MOST_ALLOWED = 32;

const ABSOLUTE = /^(?:\/(?!\.{0,2}(?:\/|$))[^/\p{Cc}]+)+$/u;

const directory = z.string().max(1024).regex(ABSOLUTE, { error: 'a directory such as "/srv/media"' });

const network = z.string().regex(SHARED_NETWORK, { error: 'a network such as "network:shared"' });

/** One part of the machine, by the key of a compose file that hands it over, a network, or a directory with what is in it. */
export const reach = z.union([z.enum(REACHES), network, directory]);

/** Of an override, in characters. */
export const MOST_OVERRIDE = 32_768;

/** A compose file of the operator's, which is laid over the release's. */
const override = z.strictObject({
  file: z.string().max(1024).regex(ABSOLUTE, { error: 'a file such as "/etc/fairlead/web.yaml"' }),
  /** What stood in it when the configuration was read, put there by the agent: a generation keeps what it was deployed with. */
  text: z.string().max(MOST_OVERRIDE).exactOptional(),
});

const capabilityConfig = z.strictObject({
  enabled: z.boolean().default(true),
  settings: z.record(name, settingValue).default({}),
  /**
   * What containers of this capability may reach of the machine: keys of its compose file that are refused otherwise, and
   * directories that it mounts, networks that it joins. The operator's alone to say.
   */
  allow: z.array(reach).max(MOST_ALLOWED).exactOptional(),
  override: override.exactOptional(),
});

const suiteConfig = z.strictObject({
  enabled: z.boolean().default(true),
  /** A capability that is not named here is enabled with default settings. */
  capabilities: z.record(name, capabilityConfig).default({}),
});

/** Where a secret is kept, and nothing of it: the configuration is shown, stored and logged. */
const keptElsewhere = z
  .string()
  .max(1024)
  .regex(/^\$\{(?:file|env):[^}]+\}$/, {
    error: 'where it is kept, such as "${file:/etc/fairlead-registry}"',
  })
  .transform((text) => text as OperatorText);

/** How images are had whose release says only where they are. */
const registry = z
  .strictObject({
    /** Asked in its place: a copy, or a cache that fetches from it; with a path, where it has one for each registry. */
    mirror: z
      .string()
      .max(1024)
      .regex(/^https?:\/\/[^\s/?#@]+(?:\/[^\s?#@]*)?$/, {
        error: 'a URL such as "https://cache.example.com/hub"',
      })
      .exactOptional(),
    user: z.string().min(1).max(256).exactOptional(),
    password: keptElsewhere.exactOptional(),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: '"user" and "password" go together: name both, or neither',
  });

const registryName = z
  .string()
  .max(255)
  .regex(/^[a-z0-9.:[\]-]+$/, { error: 'the name of a registry, such as "registry.example.com"' });

export const instanceConfig = z.strictObject({
  schema: z.literal('fairlead/instance@1'),
  /** The vendor's release stream this install follows. */
  track: name.default('stable'),
  /** A suite that is not named here is not installed; `"*"` enables every suite with defaults. */
  suites: z.record(z.union([name, z.literal('*')]), suiteConfig),
  /** By the name that it has in the references of releases. */
  registries: z.record(registryName, registry).exactOptional(),
});

export type InstanceConfig = z.output<typeof instanceConfig>;
/** `text` is there wherever the agent has read the configuration to act by it. */
export type Override = z.output<typeof override>;
export type Reach = z.output<typeof reach>;
export type SettingValue = z.output<typeof settingValue>;

/** What an install runs before anyone configures it: everything on `stable`, default settings. */
export const DEFAULT_INSTANCE_CONFIG: InstanceConfig = instanceConfig.parse({
  schema: 'fairlead/instance@1',
  suites: { '*': {} },
});
