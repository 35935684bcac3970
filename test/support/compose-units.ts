// Units for the compose driver: the same project for a real engine and for the fake one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UnitOf } from '../../agent/ports/deploy.ts';
import type { UnitImage } from '../../shared/schema/drivers/images.ts';
import { COMPONENT, type Program } from './driver-contract.ts';

const PROGRAMS: Readonly<Record<Exclude<Program, 'missing'>, string>> = {
  // The first process of a container ignores TERM unless it asks for it.
  steady: 'trap "exit 0" TERM; echo ready; while :; do sleep 1 & wait $!; done',
  stubborn: 'trap "" TERM; echo ready; while :; do sleep 1; done',
  // Longer than a container needs to come up: `up` must have seen it run.
  crashing: 'sleep 0.5; exit 3',
};

export interface ImageArchive {
  readonly archive: string;
  readonly digest: string;
}

/** Writes the tree of a project with one container; `missing` is one whose program is not in its image. */
export function composeUnit(
  stateDir: string,
  image: UnitImage,
  program: Program,
  identity: string,
): UnitOf<'compose'> {
  const tree = join(stateDir, `tree-${program}`);
  mkdirSync(tree, { recursive: true });
  const script = program === 'missing' ? null : PROGRAMS[program];
  const command = script === null ? ['/nowhere/at-all'] : ['sh', '-c', script];
  const web = { image: image.name ?? image.digest, network_mode: 'none', command };
  writeFileSync(join(tree, 'compose.yaml'), JSON.stringify({ services: { web } }));
  if (script !== null) writeFileSync(join(tree, 'program'), script);
  return {
    kind: 'compose',
    component: COMPONENT,
    file: join(tree, 'compose.yaml'),
    images: [image],
    env: {},
    user: null,
    workingDirectory: tree,
    dataDirectory: join(stateDir, 'data'),
    startTimeoutMs: 20_000,
    stopTimeoutMs: 5000,
    identity,
  };
}
