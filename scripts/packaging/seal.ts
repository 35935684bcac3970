// Puts a bundle into Node: run by `executable.ts` in a mount namespace of its own, in which the bundle lies at one fixed place.
// A module of pkg without a name of its own: pkg's command line ignores `seaConfig`, and without that Node would take
// NODE_OPTIONS from whoever starts the program.
import { join } from 'node:path';
import sea from '@yao-pkg/pkg/lib-es5/sea.js';
import type { Sealing } from './executable.ts';
import { YOUNG_GENERATION } from './programs.ts';

const [, , place = '', sealing = '{}'] = process.argv;
const { node, architecture, bundle, output }: Sealing = JSON.parse(sealing);

const seaConfig = {
  disableExperimentalSEAWarning: true,
  useSnapshot: false,
  // Made by this machine's processor, and so another one each time.
  useCodeCache: false,
  execArgvExtension: 'none',
  // A signal must not open a debugger on a port that every account of the machine reaches.
  execArgv: ['--disable-sigusr1', YOUNG_GENERATION],
  assets: Object.fromEntries(Object.entries(bundle.assets).map(([name, file]) => [name, join(place, file)])),
};

await sea.default(join(place, bundle.main), {
  seaConfig,
  nodePath: node,
  // The blob is made by the Node that runs this, of the same version: the target's may be for another processor.
  useLocalNode: true,
  targets: [{ nodeRange: 'node24', platform: 'linux', arch: architecture, output }],
});
