// What can be measured, in the order in which it is: by name, by whom, and whether it needs the network.
import { join } from 'node:path';
import { measureAnalytics } from './analytics.ts';
import { measureBackup } from './backup.ts';
import { measureCompile } from './compile.ts';
import { measureCompliance } from './compliance.ts';
import { measureContainers, measureEngines } from './containers.ts';
import { provide } from './corpus.ts';
import { measureDeltas, measureMaking } from './deltas.ts';
import { measureDeploys } from './deploys.ts';
import { measureExecutable } from './executable.ts';
import type { Figures } from './figures.ts';
import { measureForced } from './forced.ts';
import { measureHistory } from './history.ts';
import { measureHostile } from './hostile.ts';
import { measureHub } from './hub.ts';
import { measureInstalled } from './installed.ts';
import { measureLists } from './lists.ts';
import { measureMemory } from './memory.ts';
import { measureMetadata } from './metadata.ts';
import { measurePacks } from './packs.ts';
import { measurePolls } from './polls.ts';
import { measureReconnects } from './reconnects.ts';
import { measureReports } from './reports.ts';
import { measureRollback } from './rollback.ts';
import { generateTree } from './sample-tree.ts';
import { measureServer } from './server.ts';
import { measureStages } from './stages.ts';
import { measureStartup } from './startup.ts';
import { measureTraffic } from './traffic.ts';
import { measureTwoProcesses } from './two-processes.ts';

export interface SubjectOptions {
  readonly isOffline: boolean;
  /** How long agents rest side by side. */
  readonly minutes: number;
}

export interface Subject {
  measure(work: string, options: SubjectOptions): Promise<Figures>;
  readonly needsNetwork?: true;
}

export const SUBJECTS: Readonly<Record<string, Subject>> = {
  startup: { measure: measureStartup },
  memory: { measure: measureMemory },
  executable: { measure: (work, { minutes }) => measureExecutable(work, minutes), needsNetwork: true },
  installed: { measure: () => measureInstalled() },
  metadata: { measure: measureMetadata },
  history: { measure: measureHistory },
  stages: { measure: measureStages },
  compile: { measure: measureCompile },
  hostile: { measure: measureHostile },
  server: { measure: (work) => measureServer(work) },
  polls: { measure: measurePolls },
  reports: { measure: measureReports },
  'two-processes': { measure: measureTwoProcesses },
  reconnects: { measure: (work) => measureReconnects(work) },
  hub: { measure: (work) => measureHub(work) },
  backup: { measure: measureBackup },
  lists: { measure: measureLists },
  analytics: { measure: measureAnalytics },
  compliance: { measure: measureCompliance },
  forced: { measure: measureForced },
  traffic: { measure: measureTraffic },
  containers: { measure: measureContainers },
  engines: { measure: measureEngines },
  packs: {
    measure: async (work, { isOffline }) =>
      measurePacks(isOffline ? generateTree(join(work, 'sample')) : await nodeRed(), work),
  },
  deltas: { measure: (work, { isOffline }) => measureDeltas(work, isOffline) },
  making: { measure: (work, { isOffline }) => measureMaking(work, isOffline) },
  deploys: { measure: (work, { isOffline }) => measureDeploys(work, isOffline) },
  rollback: { measure: measureRollback, needsNetwork: true },
};

async function nodeRed() {
  const name = 'node-red@4.0.9';
  return { name: `${name} with its dependencies`, directory: await provide(name) };
}
