// Problems of a document that was put together from options: each named by the flag that a person typed.
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';

/** The flag of each key at the top of a document, or of `order.deadline` and the like. */
export type FlagNames = Readonly<Record<string, string>>;

/** Error: vendor/options-invalid in place of document/invalid. */
export function namingFlags<T>(flags: FlagNames, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isFairleadError(error, 'document/invalid')) throw error;
    const issues = error.data.issues.map((issue) => ({ ...issue, path: flagOf(flags, issue.path) }));
    throw new FairleadError('vendor/options-invalid', { issues });
  }
}

function flagOf(flags: FlagNames, path: string): string {
  const [top = ''] = path.split('.');
  return flags[path] ?? flags[top] ?? path;
}
