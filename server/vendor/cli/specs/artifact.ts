// The commands that make a release of a change: looked at, built, verified, signed.
import { z } from 'zod';
import { type ArgumentSpec, InvalidArgumentError, type OptionSpec } from '../../../../shared/cli/command.ts';
import { parseDuration, parseField, parsePath, parseRelease } from '../../../../shared/cli/values.ts';
import { serviceImageName } from '../../../../shared/schema/drivers/images.ts';
import { platform } from '../../../../shared/schema/image-platform.ts';
import type { NamedImage } from '../../workspace/images.ts';
import { A_CHANGE, PATCHES, type VendorCommand } from '../command.ts';

const CHANGES: ArgumentSpec = { ...A_CHANGE, name: '<changes...>' };
const FROM: OptionSpec = {
  flags: '--from <path>',
  about: 'capability: the directory to ship; suite or platform: a JSON file with its parts',
  required: true,
  parse: parsePath,
};

const IMAGES: readonly OptionSpec[] = [
  {
    flags: '--image <name=source>',
    about:
      'compose: an image to ship, by what the compose file calls it, from an archive or a registry: redis:7=redis.tar, redis:7=docker.io/library/redis:7, or redis:7 alone',
    repeatable: true,
    parse: parseImage,
  },
  {
    flags: '--platform <platform>',
    about: 'with --image: for which machines, where there are several (default: linux/amd64)',
    parse: parseField(platform, 'a platform such as linux/amd64'),
  },
  {
    flags: '--no-embed',
    about:
      'with --image: leave what is in a registry there; each install fetches it by its digest, with the login of its operator',
  },
];

export const ARTIFACT: readonly VendorCommand[] = [
  {
    name: 'lint',
    about: 'everything that build and verify would refuse, without a change or a version used up',
    example: 'lint --manifest auth.json --from dist',
    kind: 'reads',
    arguments: [{ name: '[release]', about: 'such as core/auth@1.0.1', parse: parseRelease }],
    options: [
      FROM,
      { flags: '--manifest <file>', about: 'JSON with the rest of the release document', parse: parsePath },
      {
        flags: '--kind <kind>',
        about: 'what it shall be (default: by the release, else by what --from names)',
        choices: ['capability', 'suite', 'platform'],
      },
      ...IMAGES,
    ],
    load: async () => (await import('../commands/lint.ts')).lint,
  },
  {
    name: 'build',
    about: 'stage 2, Build: an immutable, uniquely versioned, reproducible artifact',
    example: 'build core/auth@1.0.1 --from dist --manifest auth.json --change CHG-7 --reproduce "make dist"',
    kind: 'writes',
    arguments: [{ name: '<release>', about: 'such as core/auth@1.0.1', parse: parseRelease }],
    options: [
      FROM,
      {
        flags: '--manifest <file>',
        about: 'JSON with the rest of the release document: service, health, requires, …',
        parse: parsePath,
      },
      {
        flags: '--change <change>',
        about: 'the change this release belongs to',
        required: true,
        parse: A_CHANGE.parse,
      },
      ...IMAGES,
      {
        flags: '--reproduce <command>',
        about: 'runs it to build the directory again, and compares the digests',
        parse: parseField(z.string().regex(/^[^\0]{1,10000}$/), 'a command of the shell'),
      },
      {
        flags: '--sbom <file>',
        about:
          'its bill of materials, CycloneDX 1.6 in JSON (default: made of the lockfiles and images in the tree)',
        parse: parsePath,
      },
    ],
    load: async () => (await import('../commands/build.ts')).build,
  },
  {
    name: 'verify',
    about:
      'stage 3, Verification: schema, artifact, constraints, required stops, the known fleet; of several changes as one',
    example: 'verify CHG-7 --run',
    kind: 'writes',
    arguments: [CHANGES],
    options: [
      {
        flags: '--run',
        about: 'also start the service here in a scratch directory, probe it and run its smoke tests',
      },
      {
        flags: '--set <name=value>',
        about: 'with --run: a setting in place of its default',
        repeatable: true,
        parse: parseField(z.string().regex(/^[^=]+=/), 'NAME=VALUE, such as port=8080'),
      },
      {
        flags: '--within <duration>',
        about: 'with --run: when it must be well at the latest',
        fallback: 300_000,
        shown: '5m',
        parse: parseTrialLimit,
      },
    ],
    load: async () => (await import('../commands/verify.ts')).verify,
  },
  {
    name: 'release',
    about:
      'stage 4, Release: sign the verified artifact, or several that need one another; nothing deploys yet',
    example: 'release CHG-7',
    kind: 'signs',
    arguments: [CHANGES],
    options: PATCHES,
    load: async () => (await import('../commands/release.ts')).promote,
  },
];

const MAX_TRIAL_MS = 3_600_000;

function parseTrialLimit(text: string): number {
  const ms = parseDuration(text);
  if (ms > 0 && ms <= MAX_TRIAL_MS) return ms;
  throw new InvalidArgumentError('It must be a duration up to an hour, such as 90s or 5m.');
}

const imageName = parseField(
  serviceImageName,
  'NAME=SOURCE, such as redis:7=redis.tar, or the name in a registry',
);

/** A name alone is also where it comes from. */
function parseImage(text: string): NamedImage {
  const at = text.indexOf('=');
  const name = imageName(at === -1 ? text : text.slice(0, at));
  return { name, source: parsePath(at === -1 ? text : text.slice(at + 1)) };
}
