// `webhooks` and what people do about one, and `alerts`: who is told what happens in the fleet, and what somebody should hear of.
import { resolve } from 'node:path';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { writeNew } from '../../../../shared/node/named-file.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { alertsList, type Severity } from '../../../../shared/protocol/alerts.ts';
import {
  mailtoOf,
  WEBHOOKS_PATH,
  type WebhookMade,
  type WebhookModel,
  webhookMade,
  webhookModel,
  webhooksList,
  webhookTested,
  whoseAddress,
} from '../../../../shared/protocol/webhooks.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { missingOption } from '../../workspace/workspace.ts';
import { askServer, listAll } from '../fleet.ts';
import type { ServerClient } from '../server-client.ts';

export async function list(session: Session): Promise<void> {
  const { entries, more } = await askServer(session, readAll);
  const rows = entries.map((one) => [
    one.name,
    stateOf(one),
    one.severity,
    whoseAddress(one.url),
    String(one.waiting),
    String(one.dropped),
    one.id,
  ]);
  const heading = ['Name', 'State', 'From', 'To', 'Waiting', 'Dropped', 'Id'];
  const lines = rows.length === 0 ? ['webhooks: none'] : formatTable([heading, ...rows]);
  session.out.result('webhooks', lines, { webhooks: entries, more });
}

function stateOf({ enabled, disabled_why: why, failing_since: since }: WebhookModel): string {
  if (!enabled) return why === null ? 'disabled' : `disabled: ${why}`;
  return since === null ? 'well' : `nothing arrives since ${since}`;
}

interface AddOptions {
  readonly name: string;
  readonly url?: string;
  readonly mail?: string;
  readonly type?: readonly string[];
  readonly severity: Severity;
  readonly file?: string;
}

/** Error: vendor/option-invalid. */
export async function add(session: Session, options: AddOptions): Promise<void> {
  const { name, url, mail, severity, type, file } = options;
  const made = (to: string) => (server: ServerClient) =>
    server.post(
      WEBHOOKS_PATH,
      { name, url: to, severity, ...(type === undefined ? {} : { types: type }) },
      webhookMade,
    );
  if (mail !== undefined) {
    const webhook = await askServer(session, made(mailtoOf(mail)));
    const line = `webhook ${webhook.name}, id ${webhook.id}; it is told by mail, to ${mail}`;
    return session.out.result('webhooks-add', [line], { webhook, file: null });
  }
  if (url === undefined) throw missingOption('--url', '--url URL --file FILE, or --mail ADDRESS');
  if (file === undefined) throw missingOption('--file', '--file FILE, where the secret of the webhook goes');
  await keep(session, 'webhooks-add', file, made(url), true);
}

export async function rotate(
  session: Session,
  name: string,
  { overlap, file }: { readonly overlap: string; readonly file: string },
): Promise<void> {
  const make = async (server: ServerClient) => {
    const { id } = await find(server, name);
    return server.post(`${WEBHOOKS_PATH}/${id}/rotate`, { overlap }, webhookMade);
  };
  await keep(session, 'webhooks-rotate', file, make, false);
}

/** One whose secret could not be kept can be verified by nobody, so it is removed; a new secret of one that there was is made once more. */
async function keep(
  session: Session,
  name: string,
  file: string,
  make: (server: ServerClient) => Promise<WebhookMade>,
  isNew: boolean,
): Promise<void> {
  const webhook = await askServer(session, async (server) => {
    const { secret, ...made } = await make(server);
    try {
      await writeNew(resolve(file), `${secret}\n`, 0o600);
    } catch (error) {
      if (isNew) await server.remove(`${WEBHOOKS_PATH}/${made.id}`, '*');
      throw error;
    }
    return made;
  });
  const until =
    webhook.rotating_until === null ? '' : `; the one before signs until ${webhook.rotating_until}`;
  const line = `webhook ${webhook.name}, id ${webhook.id}; its secret stands in ${file} alone${until}`;
  session.out.result(name, [line], { webhook, file });
}

/** Errors: vendor/webhook-refused where it was not taken, vendor/webhook-disabled where nothing but this would come. */
export async function test(session: Session, name: string): Promise<void> {
  const tested = await askServer(session, async (server) => {
    const { id } = await find(server, name);
    return server.post(`${WEBHOOKS_PATH}/${id}/test`, {}, webhookTested);
  });
  const { delivered, status, problem, message, enabled, disabled_why: why = null } = tested;
  const said = problem ?? `it answers ${status}`;
  if (!delivered) throw new FairleadError('vendor/webhook-refused', { webhook: name, problem: said });
  if (enabled === false) throw new FairleadError('vendor/webhook-disabled', { webhook: name, why });
  session.out.result('webhooks-test', [`taken: ${said} (${message})`], tested);
}

export async function enable(session: Session, name: string): Promise<void> {
  const webhook = await askServer(session, async (server) => {
    const { id, url, types, severity, revision, ...found } = await find(server, name);
    const body = { name: found.name, url, types, severity, enabled: true };
    return server.put(`${WEBHOOKS_PATH}/${id}`, body, webhookModel, `"${revision}"`);
  });
  session.out.result('webhooks-enable', [`${webhook.name} is told what happens from now on`], { webhook });
}

export async function remove(session: Session, name: string): Promise<void> {
  const { id } = await askServer(session, async (server) => {
    const found = await find(server, name);
    await server.remove(`${WEBHOOKS_PATH}/${found.id}`, `"${found.revision}"`);
    return found;
  });
  session.out.result('webhooks-remove', [`${name} is told nothing any more`], { id });
}

function readAll(server: ServerClient) {
  return listAll(`${WEBHOOKS_PATH}?limit=1000`, async (path) => {
    const page = await server.page(path, webhooksList);
    return { ...page, value: page.value.webhooks };
  });
}

/** By its name or id. Error: vendor/webhook-not-found. */
async function find(server: ServerClient, text: string): Promise<WebhookModel> {
  const { entries } = await readAll(server);
  const found = entries.find(({ id, name }) => id === text || name === text);
  if (found !== undefined) return found;
  throw new FairleadError('vendor/webhook-not-found', { webhook: text });
}

export async function listAlerts(session: Session): Promise<void> {
  const { alerts } = await askServer(session, (server) => server.get('/api/v1/alerts?limit=100', alertsList));
  const lines = alerts.map(({ last_at: at, severity, kind, text, count: events, instances }) => {
    const named = instances.map(({ name }) => name).join(', ');
    const often = events === 1 ? '' : ` (${count(events, 'time')}${named === '' ? '' : `: ${named}`})`;
    const where = events === 1 && named !== '' ? `  ${named}` : '';
    return `${at}  ${severity}  ${kind}${where}  ${text}${often}`;
  });
  session.out.result('alerts', lines.length === 0 ? ['alerts: none'] : lines, { alerts });
}
