// `mirrors`: the signed list of copies of the repository, by region, from which installs fetch.
import { formatTable } from '../../../../shared/present/table.ts';
import { type ListedMirror, MIRRORS_PATH, type Mirrors, mirrors } from '../../../../shared/schema/mirrors.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { readMirrors } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { changeTargets, type TargetEdit } from '../../workspace/targets.ts';
import { jsonBytes, openWorkspace } from '../../workspace/workspace.ts';
import { namingFlags } from '../advisory-draft.ts';
import { conclude } from '../conclude.ts';

export async function list(session: Session): Promise<void> {
  await openWorkspace(session.directory);
  const listed = (await readMirrors(session.directory))?.mirrors ?? [];
  const next = 'no mirrors are listed; next: fairlead-vendor mirrors set REGION=URL …';
  session.out.result('mirrors-list', listed.length === 0 ? [next] : tableOf(listed), { mirrors: listed });
}

/** In place of the list before. */
export async function set(session: Session, listed: readonly ListedMirror[]): Promise<void> {
  await openWorkspace(session.directory);
  const document = namingFlags({ mirrors: '<url...>' }, () =>
    parseDocument(mirrors, { schema: 'fairlead/mirrors@1', mirrors: listed }, 'the mirrors'),
  );
  await sign(session, 'set', document);
}

/** Installs fetch from the server alone again, and from what their operators named. */
export async function clear(session: Session): Promise<void> {
  await openWorkspace(session.directory);
  await sign(session, 'clear', null);
}

async function sign(session: Session, act: 'set' | 'clear', document: Mirrors | null): Promise<void> {
  const edit: TargetEdit =
    document === null
      ? { path: MIRRORS_PATH, bytes: null }
      : { path: MIRRORS_PATH, bytes: jsonBytes(document), label: { kind: 'mirrors', name: 'mirrors' } };
  const listed = document?.mirrors ?? [];
  const purpose = { action: `mirrors ${act}`, subject: `${listed.length} listed` };
  const signed = [await changeTargets(session, 'targets', [edit], purpose)];
  const { lines, document: conclusion } = await conclude(session, signed);
  const about = listed.length === 0 ? ['no mirrors are listed'] : tableOf(listed);
  session.out.result(`mirrors-${act}`, [...about, ...lines], { mirrors: listed, ...conclusion });
}

function tableOf(listed: readonly ListedMirror[]): readonly string[] {
  return formatTable([
    ['Regions', 'Mirror'],
    ...listed.map(({ url, regions }) => [regions?.join(', ') ?? 'all', url]),
  ]);
}
