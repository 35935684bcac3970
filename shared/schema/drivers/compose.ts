// Containers: every image comes from the tree or, by its digest, from a registry, and is run by its digest whatever the compose file calls it.
import { z } from 'zod';
import { durationMs } from '../../encoding/instant.ts';
import { duration, treePath } from '../common.ts';
import { DIGEST } from '../words.ts';
import { BLUE_GREEN_WORDS, blueGreenOfContainers } from './blue-green.ts';
import { driverKind, environment } from './driver-kind.ts';
import { renderImage, serviceImage } from './images.ts';
import { limitsOf, ONCE_FORM, onceLimits } from './once.ts';
import { SNAPSHOT_FORM, snapshotVolumes } from './volumes.ts';

export const composeDriver = driverKind({
  name: 'compose',
  schema: z.strictObject({
    driver: z.literal('compose'),
    file: treePath,
    images: z.array(serviceImage).min(1).max(64),
    /** What the compose file's own `${NAME}` stand for. */
    env: environment.default({}),
    startTimeout: duration.default('PT5M'),
    once: onceLimits.exactOptional(),
    snapshot: snapshotVolumes.exactOptional(),
    stopTimeout: duration.default('PT30S'),
    blueGreen: blueGreenOfContainers.optional(),
  }),
  words: {
    'service.file': {
      form: 'path in the tree',
      about: 'The compose file. It runs the images of this release and no other.',
      example: '"compose.yaml"',
    },
    'service.images': { form: 'list, 1 to 64', about: 'Every image that the compose file runs.' },
    'service.images[].archive': {
      form: 'path in the tree',
      about: 'What `docker save` wrote, as one file.',
      example: '"images/auth.tar"',
    },
    'service.images[].layout': {
      form: 'path in the tree',
      about:
        'In place of `archive`: a directory with the image as files of its own, which `build --image` writes. What a new version leaves as it was is not fetched again.',
      example: '"images"',
    },
    'service.images[].digest': {
      form: DIGEST,
      about:
        "The image: the digest of its configuration, as `docker image inspect --format '{{.Id}}'` tells it where the engine keeps images in its own store.",
    },
    'service.images[].ref': {
      form: 'host, repository and `@sha256:…`',
      about:
        'In place of both: an image in a registry, which an install fetches with the login of its operator before it stops anything, and keeps.',
      example: '"registry.example.com/auth@sha256:…"',
    },
    'service.images[].name': {
      form: 'text after `image:`',
      about: 'What the compose file calls it, where that is not the digest.',
      example: '"redis:7"',
    },
    ...BLUE_GREEN_WORDS,
    'service.blueGreen.volumes': {
      form: 'names of volumes in the compose file, up to 64',
      about:
        'Volumes that both versions may write to at once. A volume that is not named here may not be in the compose file.',
      example: '["uploads"]',
    },
    'service.snapshot': {
      form: SNAPSHOT_FORM,
      about:
        'Volumes of the compose file that the agent copies once the version before has stopped, and puts back on the way back. With `reversible` as `snapshot`.',
      example: '["data"]',
    },
    'service.once': {
      form: ONCE_FORM,
      about:
        'How long services of the compose file may take that run once at each start, such as migrations. Their time is none of `startTimeout`, which holds for everything else, and for services that run once and are not named here.',
      example: '{ "migrate": "PT30M" }',
    },
  },
  commands: [],
  /** Paths are absolute and lie in the tree. */
  render({ file, images, startTimeout, once, snapshot }, { tree }) {
    return {
      kind: 'compose' as const,
      file: `${tree}/${file}`,
      images: images.map((image) => renderImage(image, tree)),
      startTimeoutMs: durationMs(startTimeout),
      ...(once === undefined ? {} : { once: limitsOf(once) }),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
  },
  trial: () => ({
    kind: 'impossible',
    problem: 'containers are started by an engine, which no trial brings along',
    remedy: 'try it with: docker compose --file FILE up',
  }),
});
