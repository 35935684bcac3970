// Which component each package is released as: as typed, and as a file says.
import { z } from 'zod';
import { FairleadError } from '../../../shared/errors/error.ts';
import { componentKey } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { PackageName } from '../core/osv-packages.ts';
import { readOption } from '../workspace/workspace.ts';

export interface PackageOptions {
  readonly package?: readonly PackageName[];
  readonly packages?: string;
}

/** `npm:node-red`, or a purl without its version. */
const NAME = /^(?=.{3,300}$)[^\p{Cc}=:]+:[^\p{Cc}]+$/u;

/** The last equals sign parts them: a purl may hold some. Error: vendor/option-invalid. */
export function parsePackage(text: string): PackageName {
  const at = text.lastIndexOf('=');
  const name = text.slice(0, Math.max(0, at));
  const component = componentKey.safeParse(text.slice(at + 1)).data;
  if (NAME.test(name) && component !== undefined) return { package: name, component };
  const form =
    '"PACKAGE=SUITE/CAPABILITY", such as "npm:node-red=core/editor" or "pkg:npm/node-red=core/editor"';
  throw new FairleadError('vendor/option-invalid', { option: '--package', value: text, form });
}

/** Kept by the vendor, for `advisory import` and `advisory export`. */
const packagesFile = z.strictObject({
  schema: z.literal('fairlead/packages@1'),
  packages: z
    .array(
      z.strictObject({
        package: z.string().regex(NAME, {
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
