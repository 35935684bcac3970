// The public halves of the server's two keys, as root shall name them.
import { onlineKeysReply } from '../../../shared/protocol/publication.ts';
import type { Keyring } from '../core/roles.ts';
import { publicPart } from '../workspace/keys.ts';
import type { VendorConfig } from '../workspace/workspace.ts';
import { withServer } from './server-client.ts';

export async function fetchOnlineKeys(
  config: VendorConfig,
): Promise<Pick<Keyring, 'snapshot' | 'timestamp'>> {
  const { snapshot, timestamp } = await withServer(config, (server) =>
    server.get('/api/v1/online-keys', onlineKeysReply),
  );
  return {
    snapshot: { threshold: 1, keys: [publicPart(snapshot)] },
    timestamp: { threshold: 1, keys: [publicPart(timestamp)] },
  };
}
