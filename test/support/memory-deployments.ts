// The agent's disk in memory: deployment store, journal and trees over one plain object.
import type { Slot } from '../../agent/core/deploy/blue-green.ts';
import { isDamage } from '../../agent/core/deploy/generation.ts';
import type { Quarantined, Traffic } from '../../agent/ports/deploy.ts';
import type {
  DeploymentStore,
  Evidence,
  Journal,
  StoredGeneration,
  TreeDeviation,
  TreeStore,
} from '../../agent/ports/state.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import type { JournalEntry } from '../../shared/schema/journal.ts';

export interface MemoryDisk {
  readonly generations: Map<number, StoredGeneration>;
  current: number | null;
  readonly records: Map<number, DeploymentRecord>;
  readonly evidence: Evidence[];
  quarantine: readonly Quarantined[];
  journal: { deployment: number; entries: JournalEntry[]; damaged: boolean } | null;
  /** What cannot be read of records and of generations. */
  damages: { records: readonly string[]; generations: readonly number[] };
  readonly trees: Set<Digest>;
  readonly deviations: Map<Digest, readonly TreeDeviation[]>;
  /** Trees whose content lies nowhere else, and the vendor cannot be reached. */
  readonly lost: Set<Digest>;
  /** Trees, and the accounts to which they were handed. */
  readonly handed: [tree: string, accounts: readonly (string | null)[]][];
  /** Trees that a repair leaves as they are, without a word: a disk that does not keep what it was given. */
  readonly stubborn: Set<Digest>;
  freeBytes: number;
  freeInodes: number;
}

export function createMemoryDisk(): MemoryDisk {
  return {
    generations: new Map(),
    current: null,
    records: new Map(),
    evidence: [],
    quarantine: [],
    journal: null,
    damages: { records: [], generations: [] },
    trees: new Set(),
    deviations: new Map(),
    lost: new Set(),
    handed: [],
    stubborn: new Set(),
    freeBytes: 1 << 30,
    freeInodes: 10_000,
  };
}

export function createMemoryStore(disk: MemoryDisk): DeploymentStore {
  return {
    generations: async () => [...disk.generations.values()].sort((a, b) => a.number - b.number),
    currentNumber: async () => disk.current,
    addGeneration: async (generation) => void disk.generations.set(generation.number, generation),
    setCurrent: async (number) => {
      disk.current = number;
    },
    async markHealthy(number, record) {
      const generation = disk.generations.get(number);
      if (generation === undefined) throw new Error(`no generation ${number}`);
      disk.generations.set(number, { ...generation, healthy: true, committedBy: record.id });
    },
    async removeGeneration(number) {
      disk.generations.delete(number);
      const { records, generations } = disk.damages;
      disk.damages = { records, generations: generations.filter((one) => one !== number) };
    },
    records: async () => [...disk.records.values()].sort((a, b) => a.id - b.id),
    newestGeneration: async () => Math.max(0, ...disk.generations.keys()),
    newestRecordId: async () => Math.max(0, ...disk.records.keys()),
    writeRecord: async (record) => void disk.records.set(record.id, record),
    writeEvidence: async (evidence) => void disk.evidence.push(evidence),
    readEvidence: async (deployment) => disk.evidence.find((one) => one.deployment === deployment) ?? null,
    quarantine: async () => disk.quarantine,
    quarantineDamage: async () => null,
    recordDamages: async () => disk.damages.records,
    damagedGenerations: async () => disk.damages.generations,
    linkedTrees: async (number) =>
      disk.generations.get(number)?.manifest.components.map(({ tree }) => tree) ?? [],
    changeQuarantine: async (change) => {
      disk.quarantine = change(disk.quarantine);
    },
    dataDirectoryOf: (component) => `/data/${component}`,
    freeSpace: async () => ({ bytes: disk.freeBytes, inodes: disk.freeInodes }),
  };
}

export function createMemoryJournal(disk: MemoryDisk): Journal {
  return {
    read: async () =>
      disk.journal === null ? null : { ...disk.journal, entries: [...disk.journal.entries] },
    begin: async (deployment) => {
      disk.journal = { deployment, entries: [], damaged: false };
    },
    async append(entry) {
      if (disk.journal?.entries.length !== entry.sequence - 1) throw new Error('entries out of order');
      disk.journal.entries.push(entry);
    },
    replace: async (deployment, entries) => {
      disk.journal = { deployment, entries: [...entries], damaged: false };
    },
    async end() {
      disk.journal = null;
    },
  };
}

export function createMemoryTrees(disk: MemoryDisk): TreeStore {
  return {
    has: async (tree) => disk.trees.has(tree),
    stored: async () => new Set(disk.trees),
    directoryOf: (tree) => `/trees/${treeName(disk, tree)}`,
    async add(tree) {
      disk.trees.add(tree.digest);
      return undefined;
    },
    transfers: () => [],
    weigh: async () => null,
    async hand(tree, accounts) {
      disk.handed.push([treeName(disk, tree), accounts]);
      return false;
    },
    async repair({ tree: { digest } }, { added, from }) {
      if (disk.stubborn.has(digest)) return;
      const isLost = disk.lost.has(digest);
      const stays = ({ problem }: TreeDeviation) => (problem === 'unexpected' ? added === 'keep' : isLost);
      disk.deviations.set(digest, (disk.deviations.get(digest) ?? []).filter(stays));
      if (!isLost || from === 'local' || !disk.deviations.get(digest)?.some(isDamage)) return;
      throw new FairleadError('transport/unreachable', { url: 'https://packs.test', problem: 'no route' });
    },
    verify: async ({ tree }) => disk.deviations.get(tree.digest) ?? [],
    readAhead: async () => ({
      done: Promise.resolve(),
      damages: async ({ tree }) => (disk.deviations.get(tree.digest) ?? []).filter(isDamage),
    }),
    async collect(keep) {
      for (const tree of disk.trees) if (!keep.has(tree)) disk.trees.delete(tree);
    },
  };
}

export function createMemoryTraffic(
  routes: Map<ComponentKey, Slot>,
  connections: ReadonlyMap<number, number> = new Map(),
): Traffic {
  return {
    slotOf: async (component) => routes.get(component) ?? null,
    direct: async ({ component, slot }) => void routes.set(component, slot),
    connectionsTo: async (port) => connections.get(port) ?? 0,
    close: async (component) => void routes.delete(component),
  };
}

/** `core/auth@1.0.1` of the tree: every release of these tests has a tree of its own. */
function treeName(disk: MemoryDisk, tree: Digest): string {
  for (const generation of disk.generations.values()) {
    for (const { component, tree: own, version } of generation.manifest.components) {
      if (own === tree) return `${component}@${version}`;
    }
  }
  return tree;
}
