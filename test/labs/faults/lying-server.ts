// A vendor's signed repository behind a server that names its bytes as it likes, asked as the agent asks.
import { createHttpSource } from '../../../agent/adapters/repository/http-source.ts';
import { openTrustStore } from '../../../agent/adapters/repository/trust-store.ts';
import type { GetOptions, HttpAnswer } from '../../../agent/adapters/server/http-client.ts';
import { createServerContact, type ServerContact } from '../../../agent/engine/agent/server-contact.ts';
import { createRepository } from '../../../agent/engine/repository/repository.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { placeOf } from '../../../shared/schema/target-document.ts';
import { REPOSITORY_URLS, RepositorySimulator } from '../../support/repository-simulator.ts';
import type { Instance } from './laboratory.ts';

/** The name of the present bytes, and whether whoever asks, with `named` or with no name, is told that nothing is new. */
export interface Lie {
  etag(publication: number): string;
  isUnchanged(named: string | null, publication: number): boolean;
}

/** Each hides what is new for as long as it is believed. */
export const LIES: Readonly<Record<string, Lie>> = {
  'whose names are already those of what comes next': {
    etag: (publication) => `"${publication + 1}"`,
    isUnchanged: (named, publication) => named === `"${publication}"`,
  },
  'that says of everything with a name that it is unchanged': {
    etag: () => '"always"',
    isUnchanged: (named) => named !== null,
  },
  'that names the same bytes anew each time': {
    etag: () => `"${++names}"`,
    isUnchanged: () => false,
  },
  'whose names are a megabyte long': {
    etag: () => `"${'x'.repeat(2 ** 20)}"`,
    isUnchanged: (named) => named !== null,
  },
  'whose names are none': {
    etag: () => 'W/"\u00ff"" \u0001, *',
    isUnchanged: (named) => named !== null,
  },
  'that says every other time that nothing is new, whoever asks': {
    etag: () => '"same"',
    isUnchanged: () => ++questions % 2 === 1,
  },
};
let names = 0;
let questions = 0;

export interface LyingServer {
  readonly contact: ServerContact;
  /** From here on it serves exactly this, rightly signed. */
  publish(catalog: Catalog): void;
}

export function createLyingServer(instance: Instance, lie: Lie): LyingServer {
  const vendor = new RepositorySimulator();
  vendor.timestamp.signed_at = '2026-01-31T09:00:00Z';
  for (const [role, paths] of ROLES) vendor.delegate('targets', role, { paths, terminating: true });
  let publication = 0;

  async function get(url: string, options: GetOptions): Promise<HttpAnswer> {
    const isTimestamp = url.endsWith('/timestamp.json');
    if (isTimestamp && lie.isUnchanged(options.etag ?? null, publication)) return { kind: 'not-modified' };
    const { etag: _, ...unconditional } = options;
    const answer = await vendor.get(url, unconditional);
    return answer.kind === 'body' && isTimestamp ? { ...answer, etag: lie.etag(publication) } : answer;
  }

  const repository = createRepository({
    openStore: () => openTrustStore(`${instance.stateDir}/trust`),
    source: createHttpSource(REPOSITORY_URLS, { get }),
    initialRoot: vendor.initialRoot(),
    onWarning: (warning) => void instance.warnings.push(warning),
  });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return {
    contact: createServerContact({
      ...{ repository, clock: instance.clock, log },
      intervalMs: 60_000,
      chance: () => 0.5,
    }),
    publish(catalog) {
      publication += 1;
      for (const [role] of ROLES) vendor.signed.get(role).targets = {};
      for (const { role, path, bytes } of documentsOf(catalog)) vendor.addTarget(role, path, bytes);
      vendor.publish(...ROLES.map(([role]) => role), 'targets', 'snapshot', 'timestamp');
    },
  };
}

const ROLES = [
  ['security', ['advisories/*']],
  ['halts', ['halts/*']],
  ['releases', ['capabilities/*/*/*', 'rollouts/*/capabilities/*/*/*']],
] as const;

function documentsOf({ releases, rollouts, advisories, halts }: Catalog) {
  const encode = (document: object) => canonicalize(JSON.parse(JSON.stringify(document)));
  return [
    ...releases.map(({ document, bytes }) => ({
      role: 'releases',
      path: placeOf({ kind: 'release', document }),
      bytes,
    })),
    ...rollouts.map((document) => ({
      role: 'releases',
      path: placeOf({ kind: 'rollout', document }),
      bytes: encode(document),
    })),
    ...advisories.map((document) => ({
      role: 'security',
      path: placeOf({ kind: 'advisory', document }),
      bytes: encode(document),
    })),
    ...halts.map((document) => ({
      role: 'halts',
      path: placeOf({ kind: 'halt', document }),
      bytes: encode(document),
    })),
  ];
}
