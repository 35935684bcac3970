// Where a stored tree lies, and with which modes.
import { join } from 'node:path';

/*
 *   store/                          0711: a service finds its own tree by name, and lists nobody else's
 *     trees/<hex>/index.json        the signed bytes
 *     trees/<hex>/files/…           directories 0755, files 0444 or 0555
 *     tmp/                          0700: downloads, trees under construction, trees on their way out
 *
 * Files are read-only for everyone: services may run under the agent's own account, and what runs is what was signed.
 * Directories stay writable for that account, so that an agent without root can remove a tree.
 * Trees share nothing, no hard links either: a write through one would damage the tree that a rollback needs.
 */
export const STORE_MODE = 0o711;
export const INDEX_FILE = 'index.json';
export const FILES_DIRECTORY = 'files';

export interface StoreLayout {
  readonly store: string;
  readonly trees: string;
  readonly temporary: string;
}

export function storeLayout(stateDir: string): StoreLayout {
  const store = join(stateDir, 'store');
  return { store, trees: join(store, 'trees'), temporary: join(store, 'tmp') };
}
