// Adds one pack to a fresh store in a process of its own, and prints how long it took and how much memory.
import { link } from 'node:fs/promises';
import { createTreeStore } from '../../agent/adapters/tree-store/tree-store.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { timed } from './figures.ts';
import { residentBytes } from './processes.ts';

export interface UnpackResult {
  readonly ms: number;
  readonly peakBytes: number;
}

const [pack = '', ref = '', stateDir = ''] = process.argv.slice(2);
const store = createTreeStore({ stateDir, fetchPack: (_, file) => link(pack, file) });
const ms = await timed(() => store.add(JSON.parse(ref) as TreeRef));
const result: UnpackResult = { ms, peakBytes: residentBytes(process.pid, 'VmHWM') };
console.log(JSON.stringify(result));
