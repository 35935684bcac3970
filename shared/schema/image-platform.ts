// For which machines an image is, and which machines run it: by the words of images, indexes and engines.
import { z } from 'zod';
import { sanitizeLine } from '../encoding/text.ts';

/** As images name it: `linux/amd64`, `linux/arm/v7`. */
export const platform = z.string().regex(/^[a-z0-9]{1,32}\/[a-z0-9]{1,32}(?:\/[a-z0-9]{1,16})?$/, {
  error: 'a platform such as "linux/amd64"',
});

/** As a configuration or an index says it. */
export interface SaidPlatform {
  readonly os?: string | undefined;
  readonly architecture?: string | undefined;
  readonly variant?: string | undefined;
}

/** The names that kernels and older tools have for the same. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ...{ x86_64: 'amd64', aarch64: 'arm64', i386: '386', i686: '386' },
  ...{ armhf: 'arm/v7', armv7l: 'arm/v7', armel: 'arm/v6', armv6l: 'arm/v6', armv5l: 'arm/v5' },
};

/** What goes without saying. */
const USUAL: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8' };

/** In the form of `platform`, each in one way alone; null where it does not say. What is no platform fits no machine. */
export function platformOf({ os, architecture, variant = '' }: SaidPlatform): string | null {
  if (os === undefined || os === '' || architecture === undefined || architecture === '') return null;
  const [name = '', own = variant] = (OTHER_NAMES[architecture] ?? architecture).split('/');
  const version = /^\d$/.test(own) ? `v${own}` : own;
  // Docker's own images for 32 bits are of the seventh, and leave it out.
  const said = name === 'arm' && version === '' ? 'v7' : version;
  return sanitizeLine([os, name, ...(said === '' || said === USUAL[name] ? [] : [said])].join('/'), 100);
}

/** What processors run besides their own: for the older one in them. */
const OLDER: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };

/** As engines decide it. Of a machine whose variant nobody says, none is held against it. */
export function runsOn(image: string, machine: string): boolean {
  const [own, theirs] = [partsOf(image), partsOf(machine)];
  if (own.os !== theirs.os) return false;
  if (own.architecture !== theirs.architecture) return OLDER[theirs.architecture] === own.architecture;
  if (own.variant === theirs.variant || own.variant === '' || theirs.variant === '') return true;
  return generation(own.variant) <= generation(theirs.variant);
}

/** Why an image is none for any of these machines; null where it is, or does not say what it is for. */
export function findMisfit(said: SaidPlatform, machines: readonly string[]): string | null {
  const own = platformOf(said);
  if (own === null || machines.some((machine) => runsOn(own, machine))) return null;
  return `it is for ${own}, and not for ${machines.join(' or ')}`;
}

/** The one that the first of these machines to run any runs best; null where none is for any of them. */
export function selectFor<One extends { readonly platform?: SaidPlatform | undefined }>(
  all: readonly One[],
  machines: readonly string[],
): One | null {
  for (const machine of machines) {
    const fitting = all.flatMap((one) => {
      const own = one.platform === undefined ? null : platformOf(one.platform);
      return own === null || !runsOn(own, machine) ? [] : [{ one, rank: rankOn(own, machine) }];
    });
    const [best] = fitting.toSorted((a, b) => a.rank - b.rank);
    if (best !== undefined) return best.one;
  }
  return null;
}

/** Lowest first: the very same, then its own kind, then what it runs besides. */
function rankOn(image: string, machine: string): number {
  if (image === machine) return 0;
  const [own, theirs] = [partsOf(image), partsOf(machine)];
  const version = generation(own.variant);
  // What is for most machines, where nobody says which variant this one is; else the best that it runs.
  const within = theirs.variant === '' && own.architecture === theirs.architecture ? version : 99 - version;
  return (own.architecture === theirs.architecture ? 1 : 1000) + within;
}

function partsOf(text: string) {
  const [said, kind, version] = text.split('/');
  const own = platformOf({ os: said, architecture: kind, variant: version }) ?? text;
  const [os = '', architecture = '', variant = ''] = own.split('/');
  return { os, architecture, variant };
}

/** `v7` is 7. What counts otherwise is beyond all of them. */
function generation(variant: string): number {
  return variant === '' ? 0 : Number(/^v(\d{1,2})$/.exec(variant)?.[1] ?? 99);
}
