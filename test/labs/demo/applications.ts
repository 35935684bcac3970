// The two products the demo's vendor ships, and what every edition of them provides.

/** One version of a product, ready to be built: its files and the manifest a release manager would write. */
export interface PreparedVersion {
  readonly directory: string;
  readonly manifest: object;
}

export interface Application {
  readonly component: string;
  /** Installs or writes one version's files below `directory`. */
  prepare(version: string, directory: string): Promise<PreparedVersion>;
  /** Where a running instance tells its version. */
  url(port: number): string;
  /** The text `url` must answer when `version` runs. */
  expected(version: string): string;
}

export interface Edition {
  /** What stands behind it and how long it takes, for the demo's first lines. */
  readonly about: string;
  /** How long a deployment is watched before it counts. */
  readonly soak: string;
  /** Has a security hole that an advisory closes. */
  readonly editor: Application & {
    readonly vulnerable: string;
    readonly ordinary: string;
    readonly fixed: string;
  };
  /** Is updated once with success, once with a release that cannot become healthy. */
  readonly registry: Application & {
    readonly first: string;
    readonly second: string;
    readonly broken: string;
    /** What this demo itself does to that release so that it cannot become healthy. */
    readonly sabotage: string;
  };
}

/** Health that a release must reach: two good answers in a row, and how long it may take to start. */
export function healthOf(url: string, contains: string, startPeriod: string): object {
  return {
    http: url,
    contains,
    startPeriod,
    interval: 'PT1S',
    successes: 2,
  };
}

/** The one setting both products have. */
export const PORT_SETTING = {
  port: { type: 'integer', minimum: 1, maximum: 65_535, description: 'TCP port on the loopback interface' },
};
