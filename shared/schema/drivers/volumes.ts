// Volumes of a compose file: how a release names them, and those of which the agent keeps a copy for the way back.
import { z } from 'zod';

/** As compose takes it: the engine is told it behind the name of the project. */
export const volumeName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9._-]+$/, { error: 'the name of a volume of the compose file' });

const MOST_VOLUMES = 16;

export const snapshotVolumes = z.array(volumeName).min(1).max(MOST_VOLUMES);

export const SNAPSHOT_FORM = `list of names, up to ${MOST_VOLUMES}`;

/** How long one of them may take to be copied, and to be put back. */
export const VOLUME_MS = 3_600_000;
