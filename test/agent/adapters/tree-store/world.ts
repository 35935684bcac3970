// A store on disk beside a server of packs, with two trees on offer.
import { join as joinPath } from 'node:path';
import type { DiskSpace } from '../../../../agent/adapters/tree-store/disk-space.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import type { ReleaseFiles, RepairHow } from '../../../../agent/ports/state.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { draftPack, entryOf, join, SAMPLE_ENTRIES, sectionsOf } from './pack-builder.ts';
import { createPackServer } from './pack-server.ts';

export const sample = draftPack();
export const { ref } = sample;
export const tree = ref.digest;
/** Its files, none of which a service may write to. */
export const signed: ReleaseFiles = { tree: ref, writable: [] };
export const WHOLE: RepairHow = { added: 'remove', from: 'anywhere' };
/** The same contents, one file under another name: another tree. */
export const other = draftPack(SAMPLE_ENTRIES.with(-1, entryOf('tfxt', 'one text, two files\n')));

export function createWorld(diskSpace?: (path: string) => Promise<DiskSpace>) {
  const stateDir = temporaryDirectory();
  const server = createPackServer();
  for (const draft of [sample, other]) server.serve(draft.ref.digest, join(sectionsOf(draft)));
  const left: unknown[] = [];
  const options = { stateDir, fetchPack: server.fetchPack, onLeft: (one: unknown) => void left.push(one) };
  const open = () => createTreeStore(diskSpace === undefined ? options : { ...options, diskSpace });
  return {
    server,
    /** What the stores said that they leave lying. */
    left,
    store: open(),
    /** As after a restart of the agent. */
    reopen: open,
    trees: joinPath(stateDir, 'store/trees'),
    temporary: joinPath(stateDir, 'store/tmp'),
  };
}
