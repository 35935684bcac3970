// `status`: what this workspace has signed and until when, what waits, and which changes are open.

import { commandFor, stageDue } from '../../../../shared/change/pipeline.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { count } from '../../../../shared/errors/entry.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { formatRef } from '../../../../shared/schema/release-ref.ts';
import { OFFLINE_ROLES, RENEW_BEFORE_MS } from '../../core/roles.ts';
import { readAudit } from '../../workspace/audit.ts';
import { listChanges, refOfChange } from '../../workspace/changes.ts';
import { readAdvisories, readReleases } from '../../workspace/documents.ts';
import { readPending, requireNewest } from '../../workspace/metadata.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { quorumOf } from '../../workspace/signing.ts';
import { openWorkspace } from '../../workspace/workspace.ts';

export async function status(session: Session): Promise<void> {
  const { directory, config } = await openWorkspace(session.directory);
  const roles = await Promise.all(OFFLINE_ROLES.map((role) => readRole(session, role)));
  const changes = (await listChanges(directory)).filter((record) => stageDue(record) !== null);
  const { releases, rollouts } = await readReleases(directory);
  const advisories = await readAdvisories(directory);
  const audit = await readAudit(directory);
  const rows = roles.map((role) => [role.role, String(role.version), role.expires, role.note]);
  const open = changes.map((record) => {
    const due = stageDue(record);
    return [record.id, formatRef(refOfChange(record)), due === null ? '' : commandFor(record, due)];
  });
  const attention = roles.filter((role) => role.note !== '').map((role) => `${role.role} ${role.note}`);
  session.out.result(
    'status',
    [
      attention.length === 0 ? 'all roles are signed and fresh' : `attention: ${attention.join('; ')}`,
      `server ${config.server}`,
      describeContents({ releases, rollouts, advisories, audit }),
      '',
      ...formatTable([['Role', 'Version', 'Expires', 'Note'], ...rows]),
      '',
      ...(open.length === 0 ? ['no open changes'] : formatTable([['Change', 'Release', 'Next'], ...open])),
    ],
    {
      server: config.server,
      roles,
      changes: changes.map((record) => ({
        id: record.id,
        release: formatRef(refOfChange(record)),
        due: stageDue(record),
      })),
      releases: releases.map(({ document, digest, path }) => ({ path, digest, change: document.change.id })),
      advisories: advisories.map(({ document }) => document.id),
      audited: audit.length,
    },
  );
}

async function readRole(session: Session, role: (typeof OFFLINE_ROLES)[number]) {
  const newest = await requireNewest(session.directory, role);
  const pending = await readPending(session.directory, role);
  const quorum = await quorumOf(session.directory, pending ?? newest);
  const left = newest.expires - session.now();
  const notes = [
    ...(pending === null
      ? []
      : [`version ${pending.version} waits: ${quorum.valid} of ${quorum.needed} signatures`]),
    ...(left <= 0 ? [`expired: fairlead-vendor renew ${role}`] : []),
    ...(left > 0 && left < RENEW_BEFORE_MS ? [`expires soon: fairlead-vendor renew ${role}`] : []),
  ];
  return {
    role,
    version: newest.version,
    expires: formatInstant(newest.expires),
    pending: pending?.version ?? null,
    signatures: quorum,
    note: notes.join('; '),
  };
}

type Contents = Readonly<Record<'releases' | 'rollouts' | 'advisories' | 'audit', readonly unknown[]>>;

function describeContents({ releases, rollouts, advisories, audit }: Contents): string {
  return [
    count(releases.length, 'release'),
    count(rollouts.length, 'rollout'),
    count(advisories.length, 'advisory', 'advisories'),
    count(audit.length, 'act in the audit log', 'acts in the audit log'),
  ].join(', ');
}
