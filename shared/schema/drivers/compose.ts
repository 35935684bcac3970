// Containers: every image comes from the tree and is named in the compose file by its digest, `image: sha256:…`.
import { z } from 'zod';
import { durationMs } from '../../encoding/instant.ts';
import { digest, duration, treePath } from '../common.ts';
import { DIGEST } from '../words.ts';
import { driverKind, environment, noBlueGreen } from './driver-kind.ts';

export const composeDriver = driverKind({
  name: 'compose',
  schema: z.strictObject({
    driver: z.literal('compose'),
    file: treePath,
    images: z
      .array(z.strictObject({ archive: treePath, digest }))
      .min(1)
      .max(64),
    /** What the compose file's own `${NAME}` stand for. */
    env: environment.default({}),
    startTimeout: duration.default('PT5M'),
    stopTimeout: duration.default('PT30S'),
    blueGreen: noBlueGreen,
  }),
  words: {
    'service.file': {
      form: 'path in the tree',
      about: 'The compose file. It names its images by digest alone.',
      example: '"compose.yaml"',
    },
    'service.images': { form: 'list, 1 to 64', about: 'Every image that the compose file runs.' },
    'service.images[].archive': {
      form: 'path in the tree',
      about: 'What `docker save` wrote.',
      example: '"images/auth.tar"',
    },
    'service.images[].digest': {
      form: DIGEST,
      about: "The image, as `docker image inspect --format '{{.Id}}'` tells it.",
    },
  },
  commands: [],
  /** Paths are absolute and lie in the tree. */
  render({ file, images, startTimeout }, { tree }) {
    const archives: readonly { readonly archive: string; readonly digest: string }[] = images.map(
      (image) => ({
        archive: `${tree}/${image.archive}`,
        digest: image.digest,
      }),
    );
    return {
      kind: 'compose' as const,
      file: `${tree}/${file}`,
      images: archives,
      startTimeoutMs: durationMs(startTimeout),
    };
  },
  trial: () => ({
    kind: 'impossible',
    problem: 'containers are started by an engine, which no trial brings along',
    remedy: 'try it with: docker compose --file FILE up',
  }),
});
