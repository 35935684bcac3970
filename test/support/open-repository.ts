// The agent's repository over HTTP and a directory, put together as the agent's entry does it.
import { createHttpSource } from '../../agent/adapters/repository/http-source.ts';
import { openTrustStore } from '../../agent/adapters/repository/trust-store.ts';
import { createVerifyTargets } from '../../agent/adapters/repository/verify-beside.ts';
import type { HttpClient } from '../../agent/adapters/server/http-client.ts';
import { createRepository as createOver } from '../../agent/engine/repository/repository.ts';
import type { Repository, VerifyTargets } from '../../agent/ports/server.ts';
import type { FairleadError } from '../../shared/errors/error.ts';

export interface OpenOptions {
  readonly directory: string;
  readonly url: string;
  readonly initialRoot: Uint8Array;
  readonly http: Pick<HttpClient, 'get'>;
  readonly onWarning: (warning: FairleadError) => void;
  readonly verifyTargets?: VerifyTargets;
}

/** Opened, as the agent's first round opens it. */
export async function createRepository({
  directory,
  url,
  initialRoot,
  http,
  onWarning,
  verifyTargets = createVerifyTargets(),
}: OpenOptions): Promise<Repository> {
  const source = createHttpSource(
    { metadata: `${url}/metadata`, targets: `${url}/targets`, packs: url },
    http,
  );
  const repository = createOver({
    openStore: () => openTrustStore(directory),
    source,
    initialRoot,
    onWarning,
    verifyTargets,
  });
  await repository.catalog();
  return repository;
}
