// The programs that are built: where each begins, what it is for, what of a machine it becomes, and for which machines.

export interface Program {
  readonly name: string;
  /** By its path in the sources. */
  readonly entry: string;
  /** Commands of two words, and one more that is theirs, that begin in a file of their own. */
  readonly apart?: Readonly<Record<string, string>>;
  readonly about: string;
  /** What a package says of it. */
  readonly description: string;
  /** Null where it makes no service of itself. */
  readonly service: Service | null;
  /** The first command of whoever has just put it down. */
  readonly next: string;
}

export interface Service {
  readonly unit: string;
  /** The words before `install` and `uninstall`. */
  readonly words: readonly string[];
  /** Where its state lies unless somebody chose another place; no removal takes it. */
  readonly state: string;
}

export const PROGRAMS: readonly Program[] = [
  {
    name: 'fairlead',
    entry: 'agent/cli/main.ts',
    apart: { 'agent patch': 'agent/cli/patch.ts' },
    about: 'the agent and its command line',
    description: `Keeps a self-hosted product up to date as its operator decides: verifies
what the vendor signed, asks the local policy, deploys, watches, and goes
back by itself where a release does harm.`,
    service: { unit: 'fairlead-agent.service', words: ['agent'], state: '/var/lib/fairlead' },
    next: 'fairlead agent install --enroll-file FILE',
  },
  {
    name: 'fairlead-server',
    entry: 'server/main.ts',
    about: 'the release server, and the vendor’s program',
    description: `Serves the signed repository of a vendor, and knows the fleet of installs
that follow it. It holds none of the keys that can make an install do anything.`,
    service: { unit: 'fairlead-server.service', words: [], state: '/var/lib/fairlead-server' },
    next: 'fairlead-server init --dir /var/lib/fairlead-server --public-url URL',
  },
  {
    name: 'fairlead-vendor',
    entry: 'server/vendor/cli/main.ts',
    about: 'the vendor’s program alone',
    description: `Leads a change through the seven stages from a source revision to installs
that run it, and signs what it releases with keys that stay with people.`,
    service: null,
    next: 'fairlead-vendor init --server URL --token-file FILE',
  },
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

/** What `uname -m` says of such a machine, and what Debian calls it. */
export const MACHINES: Readonly<Record<Target, { readonly uname: string; readonly debian: string }>> = {
  'linux-x64': { uname: 'x86_64', debian: 'amd64' },
  'linux-arm64': { uname: 'aarch64', debian: 'arm64' },
};
