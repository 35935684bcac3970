// Which images the engine was given for a component, written before they are loaded: nothing is left there that nobody knows of.
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { namesIfPresent, readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { digest } from '../../../../shared/schema/common.ts';
import { readImageDocument } from '../../../../shared/schema/image-documents.ts';

const givenImage = z.strictObject({
  /** As the release names it. */
  digest,
  config: digest,
  /** By which a store of manifests knows it, where that is known before it is loaded. */
  manifest: digest.exactOptional(),
  /** The engine had no such image before: what others loaded is theirs to remove. Earlier agents did not say. */
  isOurs: z.boolean().exactOptional(),
  layers: z.array(z.string()).max(1000),
  /** What this engine calls it; null while it is being loaded. */
  id: z.string().nullable(),
});
const imageRecord = z.strictObject({ images: z.array(givenImage).max(1000) });

export type GivenImage = z.output<typeof givenImage>;

export interface ImageRecords {
  /** None where nothing was ever given, or the file cannot be read: then they are found anew. */
  read(component: ComponentKey): Promise<readonly GivenImage[]>;
  /** Whether this agent loaded it, for whichever component. */
  haveLoaded(config: Digest): Promise<boolean>;
  write(component: ComponentKey, images: readonly GivenImage[]): Promise<void>;
}

export function createImageRecords(directory: string): ImageRecords {
  const ending = '.images.json';
  const pathOf = (component: ComponentKey) => join(directory, `${component.replace('/', '.')}${ending}`);
  async function readFrom(path: string): Promise<readonly GivenImage[]> {
    const bytes = await readIfPresent(path).catch(() => null);
    return (bytes === null ? null : readImageDocument(imageRecord, bytes))?.images ?? [];
  }
  return {
    read: (component) => readFrom(pathOf(component)),
    async haveLoaded(config) {
      const names = (await namesIfPresent(directory)).filter((name) => name.endsWith(ending));
      const all = await Promise.all(names.map((name) => readFrom(join(directory, name))));
      return all.flat().some((one) => one.config === config && one.isOurs === true);
    },
    async write(component, images) {
      await makeDirectory(directory);
      await writeDurably(pathOf(component), canonicalize({ images: [...images] }));
    },
  };
}
