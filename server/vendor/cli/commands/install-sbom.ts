// `instances sbom`: what an install is made of, package by package, by its newest report and the bills that this workspace signed.
import { resolve } from 'node:path';
import { count } from '../../../../shared/errors/entry.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { writeDurably } from '../../../../shared/node/durable-file.ts';
import { createInstallSbom, type InstalledPart } from '../../../../shared/present/install-sbom.ts';
import { instanceReply } from '../../../../shared/protocol/fleet.ts';
import { refFor, releasePath } from '../../../../shared/schema/release-ref.ts';
import { parseSbom } from '../../../../shared/schema/sbom.ts';
import type { TargetNotes } from '../../../../shared/trust/target-notes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { readNotes, readSignedSbom } from '../../workspace/sboms.ts';
import { findWorkspace, fleetConfig } from '../../workspace/workspace.ts';
import { askServer, findInstance } from '../fleet.ts';

/** Errors: vendor/instance-not-found, vendor/never-reported, vendor/repository-invalid, disk/*. */
export async function installSbom(
  session: Session,
  text: string,
  { file }: { readonly file: string },
): Promise<void> {
  // Whoever looks after the fleet may have no workspace: then the releases are named without their parts.
  const workspace = await findWorkspace(session.directory);
  const config = await fleetConfig(session.directory, session.fleet);
  const { id, name, report } = await askServer(session, async (server) => {
    const found = await findInstance(server, text);
    return await server.get(`/api/v1/instances/${found.id}`, instanceReply);
  });
  if (report === null) throw new FairleadError('vendor/never-reported', { instance: name });
  const notes = workspace === null ? new Map<string, TargetNotes>() : await readNotes(workspace.directory);
  const parts: InstalledPart[] = [];
  for (const { component, version, tree } of report.components) {
    const sbom = notes.get(releasePath(refFor(component, version)))?.sbom;
    const bytes = sbom === undefined ? undefined : await readSignedSbom(session.directory, tree, sbom);
    const bill = bytes === undefined ? undefined : parseSbom(bytes, `${component}@${version}`);
    parts.push({ component, version, tree, sbom, bill });
  }
  const repository = `${config.server}/repository`;
  await writeDurably(resolve(file), createInstallSbom({ id, name, repository }, parts), 0o644);
  const without = parts.filter(({ bill }) => bill === undefined).map(({ component }) => component);
  const lines = [
    `${file}: ${count(parts.length, 'component')} as reported at ${report.at}`,
    ...(without.length === 0 ? [] : [`without a bill of their own: ${without.join(', ')}`]),
  ];
  session.out.result('instances-sbom', lines, { file, instance: id, components: parts.length, without });
}
