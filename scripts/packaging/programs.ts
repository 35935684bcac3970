// The programs that are built: where each begins, what it is for, and for which machines.

export interface Program {
  readonly name: string;
  /** By its path in the sources. */
  readonly entry: string;
  readonly about: string;
}

export const PROGRAMS: readonly Program[] = [
  { name: 'fairlead', entry: 'agent/cli/main.ts', about: 'the agent and its command line' },
  { name: 'fairlead-server', entry: 'server/main.ts', about: 'the release server, and the vendor’s program' },
  { name: 'fairlead-vendor', entry: 'server/vendor/cli/main.ts', about: 'the vendor’s program alone' },
];

export const TARGETS = ['linux-x64', 'linux-arm64'] as const;
export type Target = (typeof TARGETS)[number];

/** What this machine can run itself. */
export const HOST: Target = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64';

/**
 * Megabytes of each half of the young generation. V8 lets a half grow to 32 under load and is in no hurry to give it back: of
 * ten thousand connections that came in a minute, more than half the memory was that. The programs in `scripts/bin` have it too.
 */
export const YOUNG_GENERATION = '--max-semi-space-size=8';
