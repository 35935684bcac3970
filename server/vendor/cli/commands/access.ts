// Who may come in: codes that wait for an install, tokens, customers, and groups of installs.
import { count } from '../../../../shared/errors/entry.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { customerModel, customersList } from '../../../../shared/protocol/customers.ts';
import { tokensReply } from '../../../../shared/protocol/fleet.ts';
import { groupModel, groupsList } from '../../../../shared/protocol/fleet-proposals.ts';
import { enrolmentsReply } from '../../../../shared/protocol/publication.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer, findInstance, listAll } from '../fleet.ts';
import type { ServerClient } from '../server-client.ts';

/** A list with all its pages, as a table and as a document under `key`. */
async function tell<Entry>(
  session: Session,
  name: string,
  key: string,
  read: (server: ServerClient) => Promise<{ readonly entries: readonly Entry[]; readonly more: boolean }>,
  table: { readonly heading: readonly string[]; readonly row: (one: Entry) => readonly string[] },
): Promise<void> {
  const { entries, more } = await askServer(session, read);
  const lines =
    entries.length === 0 ? [`${key}: none`] : formatTable([table.heading, ...entries.map(table.row)]);
  session.out.result(name, more ? [...lines, '… and more'] : lines, { [key]: entries, more });
}

export const listEnrolments = (session: Session) =>
  tell(
    session,
    'enrolment-list',
    'enrolments',
    (server) =>
      listAll('/api/v1/enrolments', async (path) => {
        const page = await server.page(path, enrolmentsReply);
        return { ...page, value: page.value.enrolments };
      }),
    {
      heading: ['Made', 'For', 'Until', 'Id'],
      row: ({ created, name, expires, id }) => [created, name, expires, id],
    },
  );

export async function revokeEnrolment(session: Session, id: string): Promise<void> {
  await askServer(session, (server) => server.remove(`/api/v1/enrolments/${id}`));
  session.out.result('enrolment-revoke', [`the code ${id} is worth nothing any more`], { id });
}

export const listTokens = (session: Session) =>
  tell(
    session,
    'tokens',
    'tokens',
    (server) =>
      listAll('/api/v1/tokens', async (path) => {
        const page = await server.page(path, tokensReply);
        return { ...page, value: page.value.tokens };
      }),
    {
      heading: ['Name', 'Role', 'Customer', 'Until', 'Id'],
      row: ({ name, role, customer, expires, id }) => [name, role, customer ?? '-', expires, id],
    },
  );

export async function revokeToken(session: Session, id: string): Promise<void> {
  await askServer(session, (server) => server.remove(`/api/v1/tokens/${id}`));
  session.out.result('tokens-revoke', [`token ${id} is worth nothing any more`], { id });
}

export const listCustomers = (session: Session) =>
  tell(
    session,
    'customers',
    'customers',
    (server) =>
      listAll('/api/v1/customers', async (path) => {
        const page = await server.page(path, customersList);
        return { ...page, value: page.value.customers };
      }),
    {
      heading: ['Customer', 'Installs', 'Id'],
      row: ({ name, instances, id }) => [name, String(instances), id],
    },
  );

export const listGroups = (session: Session) =>
  tell(
    session,
    'groups',
    'groups',
    (server) =>
      listAll('/api/v1/groups', async (path) => {
        const page = await server.page(path, groupsList);
        return { ...page, value: page.value.groups };
      }),
    {
      heading: ['Group', 'Installs', 'Description'],
      row: ({ name, members, description }) => [name, String(members), description ?? ''],
    },
  );

export async function createCustomer(session: Session, name: string): Promise<void> {
  const made = await askServer(session, (server) =>
    server.post('/api/v1/customers', { name }, customerModel),
  );
  const next = `its installs: fairlead-vendor instances --customer ${made.id}`;
  session.out.result('customers-create', [`customer ${made.name} ${made.id}; ${next}`], { customer: made });
}

interface GroupOptions {
  readonly instance: readonly string[];
  readonly description?: string;
}

export async function createGroup(
  session: Session,
  name: string,
  { instance, description }: GroupOptions,
): Promise<void> {
  const group = await askServer(session, async (server) => {
    const instances: string[] = [];
    for (const text of instance) instances.push((await findInstance(server, text)).id);
    const body = { name, instances, ...(description === undefined ? {} : { description }) };
    return server.post('/api/v1/groups', body, groupModel);
  });
  session.out.result('groups-create', [`group ${group.name}: ${count(group.members, 'install')}`], { group });
}
