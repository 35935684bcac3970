// `propose`: asks installs for something, one or a group of them; and `proposals withdraw`, while nobody has answered.
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import {
  policiesList,
  proposalModel,
  proposalsMade,
  type RequestedWish,
} from '../../../../shared/protocol/fleet-proposals.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer, findInstance, listAll } from '../fleet.ts';
import type { ServerClient } from '../server-client.ts';

export interface ToOptions {
  /** Its name or id. */
  readonly instance?: string;
  readonly group?: string;
  readonly reason: string;
  readonly expires?: string;
}

type Wish = (server: ServerClient) => Promise<RequestedWish>;

async function propose(session: Session, name: string, to: ToOptions, wish: Wish): Promise<void> {
  const { instance, group, reason, expires } = to;
  if ((instance === undefined) === (group === undefined)) {
    throw new FairleadError('vendor/nobody-named', {});
  }
  const made = await askServer(session, async (server) => {
    const whom =
      instance === undefined ? { group } : { instance_id: (await findInstance(server, instance)).id };
    const body = {
      ...{ ...whom, reason, wish: await wish(server) },
      ...(expires === undefined ? {} : { expires_at: expires }),
    };
    return await server.post('/api/v1/proposals', body, proposalsMade);
  });
  const rows = made.proposals.map((one) => [one.instance_name, one.asks, one.expires_at, one.id]);
  session.out.result(
    `propose-${name}`,
    [
      `${count(made.count, 'proposal')} made; what becomes of ${made.count === 1 ? 'it' : 'them'}: fairlead-vendor proposals`,
      ...formatTable([['Install', 'Asks', 'Until', 'Id'], ...rows]),
    ],
    made,
  );
}

export const pin = (session: Session, component: string, version: string, to: ToOptions) =>
  propose(session, 'pin', to, async () => ({ kind: 'pin', component, version }) as RequestedWish);

export const unpin = (session: Session, component: string, to: ToOptions) =>
  propose(session, 'unpin', to, async () => ({ kind: 'unpin', component }) as RequestedWish);

/** What is on offer where no release is named. */
export const deploy = (session: Session, release: string | undefined, to: ToOptions) =>
  propose(session, 'deploy', to, async () => ({
    kind: 'deploy',
    ...(release === undefined ? {} : { release }),
  }));

export interface RollbackOptions extends ToOptions {
  readonly to?: number | string;
}

export const rollback = (session: Session, { to: target, ...to }: RollbackOptions) =>
  propose(session, 'rollback', to, async () => ({
    kind: 'rollback',
    ...(target === undefined ? {} : { to: target }),
  }));

/** By its name. Error: vendor/template-not-found. */
export const policy = (session: Session, template: string, to: ToOptions) =>
  propose(session, 'policy', to, async (server) => {
    const { entries } = await listAll('/api/v1/policies', async (path) => {
      const page = await server.page(path, policiesList);
      return { ...page, value: page.value.policies };
    });
    const found = entries.find(({ name }) => name === template);
    if (found === undefined) throw new FairleadError('vendor/template-not-found', { name: template });
    return { kind: 'policy', policy_id: found.id };
  });

export async function withdraw(session: Session, id: string): Promise<void> {
  await askServer(session, async (server) => {
    const path = `/api/v1/proposals/${id}`;
    const { etag } = await server.page(path, proposalModel);
    await server.remove(path, etag);
  });
  session.out.result('proposals-withdraw', [`proposal ${id} is withdrawn`], { id });
}
