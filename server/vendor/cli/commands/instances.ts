// `instances` and `instance`: who is in the fleet, one of them whole, and what people do about one.
import { resolve } from 'node:path';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { instanceReply, instancesReply } from '../../../../shared/protocol/fleet.ts';
import { evidence as evidenceDocument, type Standing } from '../../../../shared/protocol/instances.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { problemsOf } from '../../core/evidence.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { readOption, writeJson } from '../../workspace/workspace.ts';
import { askServer, type FleetInstance, findInstance, listAll } from '../fleet.ts';
import type { ServerClient } from '../server-client.ts';

type Instance = FleetInstance['instance'];

export interface ListOptions {
  readonly standing?: Standing | 'any';
  readonly customer?: string;
}

export async function list(session: Session, { standing, customer }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: '1000' });
  if (standing !== undefined) query.set('standing', standing);
  if (customer !== undefined) query.set('customer', customer);
  const { entries, more } = await askServer(session, (server) =>
    listAll(`/api/v1/instances?${query}`, async (path) => {
      const page = await server.page(path, instancesReply);
      return { ...page, value: page.value.instances };
    }),
  );
  const rows = entries.map((one) => [
    one.name,
    one.standing?.state ?? one.verdict ?? 'not heard yet',
    one.channel ?? '-',
    one.lastSeen ?? 'never',
    one.agentVersion,
    one.id,
  ]);
  const lines =
    rows.length === 0
      ? ['instances: none']
      : formatTable([['Install', 'State', 'Channel', 'Last seen', 'Agent', 'Id'], ...rows]);
  session.out.result('instances', more ? [...lines, '… and more'] : lines, { instances: entries, more });
}

export async function show(session: Session, text: string): Promise<void> {
  const { instance } = await askServer(session, (server) => readOne(server, text));
  session.out.result('instance', describe(instance), { instance });
}

async function readOne(server: ServerClient, text: string) {
  const { id } = await findInstance(server, text);
  const { value, etag } = await server.page(`/api/v1/instances/${id}`, instanceReply);
  return { instance: value, etag };
}

function describe(one: Instance & { readonly report: { readonly components: readonly Running[] } | null }) {
  const running = one.report?.components ?? [];
  return [
    `${one.name}  ${one.id}`,
    ...(one.standing === undefined
      ? []
      : [
          `${one.standing.state.toUpperCase()} since ${one.standing.since} by ${one.standing.by}: ${one.standing.reason}`,
        ]),
    ...(one.movedTo === undefined
      ? []
      : [
          `says that it went to ${one.movedTo}; retire it: fairlead-vendor instances retire ${one.id} --reason moved`,
        ]),
    ...(one.twinsHeard === undefined
      ? []
      : [
          `TWO AGENTS speak in its name, last heard ${one.twinsHeard}: on the copy, with a new string: fairlead agent move --copy`,
        ]),
    `host ${one.hostname}, agent ${one.agentVersion}, enrolled ${one.enrolled}, last seen ${one.lastSeen ?? 'never'}`,
    `channel ${one.channel ?? '-'}, verdict ${one.verdict ?? '-'}`,
    ...(running.length === 0
      ? ['nothing is reported to run']
      : formatTable([
          ['Component', 'Version', 'Health'],
          ...running.map(({ component, version, health }) => [component, version, health]),
        ])),
  ];
}

interface Running {
  readonly component: string;
  readonly version: string;
  readonly health: string;
}

const ACTS = { isolate: 'isolated', restore: 'let in again', retire: 'retired' } as const;

const act =
  (name: keyof typeof ACTS) =>
  async (session: Session, text: string, { reason }: { readonly reason: string }): Promise<void> => {
    const instance = await askServer(session, async (server) => {
      const { instance: found, etag } = await readOne(server, text);
      const path = `/api/v1/instances/${found.id}/${name}`;
      return await server.post(path, { reason }, instancesReply.shape.instances.element, etag);
    });
    session.out.result(`instances-${name}`, [`${instance.name} (${instance.id}) is ${ACTS[name]}`], {
      instance,
    });
  };

export const isolate = act('isolate');
export const restore = act('restore');
export const retire = act('retire');

/** Error: vendor/evidence-exists where the file is there: nothing that was exported is written over. */
export async function evidence(
  session: Session,
  text: string,
  { file }: { readonly file: string },
): Promise<void> {
  const found = await askServer(session, async (server) => {
    const { id } = await findInstance(server, text);
    return await server.post(`/api/v1/instances/${id}/evidence`, {}, evidenceDocument);
  });
  await writeJson(resolve(file), found);
  const { digest, reports, deployments, audit, instance } = found;
  session.out.result(
    'instances-evidence',
    [
      `${file}: ${count(reports.length, 'report')}, ${count(deployments.length, 'deployment')}, ${count(audit.length, 'entry', 'entries')} of the audit log`,
      `digest ${digest}, which stands in the server's audit log too`,
    ],
    { file, digest, instance: instance.id },
  );
}

/** Error: vendor/evidence-changed. */
export async function verify(session: Session, file: string): Promise<void> {
  const found = parseDocumentBytes(
    evidenceDocument,
    await readOption('the file', file),
    file,
    EVIDENCE_LIMITS,
  );
  const problems = problemsOf(found);
  if (problems.length > 0) throw new FairleadError('vendor/evidence-changed', { file, problems });
  const { digest, instance, at } = found;
  session.out.result(
    'instances-verify',
    [
      `${file} is as the server gave it out at ${at}: ${instance.name}, ${digest}`,
      'its audit log has an entry instance.exported with this digest',
    ],
    { file, digest, instance: instance.id, at },
  );
}

/** What the bounds of one instance add up to. */
const EVIDENCE_LIMITS = { maxBytes: 64 * 2 ** 20, maxDepth: 32, maxNodes: 1_000_000 };
