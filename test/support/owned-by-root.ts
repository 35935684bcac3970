// Programs of a checkout, as an administrator would have put them: a checkout belongs to whoever made it.
import { chmodSync, chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** The path and every directory above it; for machines that are thrown away. */
export function ownByRoot(path: string): void {
  for (let at = path; ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    if (uid !== 0) chownSync(at, 0, 0);
    if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0) chmodSync(at, mode & 0o7755);
    if (at === '/') return;
  }
}
