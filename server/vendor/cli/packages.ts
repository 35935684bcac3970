// Which component each package is released as: as typed, and as a file says.
import { z } from 'zod';
import { componentKey } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { PackageName } from '../core/osv-packages.ts';
import { readOption } from '../workspace/workspace.ts';

export interface PackageOptions {
  readonly package?: readonly PackageName[];
  readonly packages?: string;
}

/** Kept by the vendor, for `advisory import` and `advisory export`. */
const packagesFile = z.strictObject({
  schema: z.literal('fairlead/packages@1'),
  packages: z
    .array(
      z.strictObject({
        /** `npm:node-red`, or a purl without its version. */
        package: z
          .string()
          .max(300)
          .regex(/^[^\p{Cc}=:]+:[^\p{Cc}]+$/u, {
            error: 'an ecosystem and a name such as "npm:node-red", or a purl without a version',
          }),
        component: componentKey,
      }),
    )
    .max(2_000),
});

/** What is typed first. Errors: vendor/file-unreadable, json/*, document/invalid. */
export async function readPackages({
  package: typed = [],
  packages: file,
}: PackageOptions): Promise<readonly PackageName[]> {
  if (file === undefined) return typed;
  const { packages } = parseDocumentBytes(packagesFile, await readOption('--packages', file), file);
  return [...typed, ...packages];
}
