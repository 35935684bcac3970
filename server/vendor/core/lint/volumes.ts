// Volumes that are copied for the way back: they are the compose file's, and the release says that it is left by a snapshot.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import type { ComposeProject } from '../../../../shared/schema/drivers/confinement.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import type { Compose } from './images.ts';
import { problem, quote } from './problem.ts';

/** Of the services that an install starts; `isWhole`: what is not among its volumes is nowhere. */
export function findVolumeProblems(
  { reversible }: Pick<CapabilityRelease, 'reversible'>,
  { file, snapshot }: Compose,
  { services, volumes }: ComposeProject,
  isWhole: boolean,
): readonly DocumentIssue[] {
  if (snapshot === undefined) return [];
  const names = Object.keys(volumes);
  const mounted = Object.values(services).flatMap((one) => one.volumes.map(({ source }) => source));
  const unknown = snapshot.flatMap((name, at) => (isWhole && !names.includes(name) ? [{ name, at }] : []));
  const unused = snapshot.flatMap((name, at) =>
    isWhole && names.includes(name) && !mounted.includes(name) ? [{ name, at }] : [],
  );
  const twice = snapshot.flatMap((name, at) => (snapshot.indexOf(name) < at ? [{ name, at }] : []));
  const remedy = names.length === 0 ? 'name it there below volumes' : `name one of: ${names.join(', ')}`;
  return [
    ...(reversible === 'snapshot'
      ? []
      : [
          problem(
            'reversible',
            reversible === undefined ? 'nothing' : quote(reversible),
            '"snapshot", as service.snapshot names volumes',
            'write "reversible": "snapshot", or remove service.snapshot',
          ),
        ]),
    ...unknown.map(({ name, at }) =>
      problem(
        `service.snapshot.${at}`,
        `no volume ${quote(name)} in ${file}`,
        'a named volume of the compose file',
        remedy,
      ),
    ),
    ...unused.map(({ name, at }) =>
      problem(
        `service.snapshot.${at}`,
        `the volume ${quote(name)}, which no service of ${file} mounts that an install starts`,
        'a volume that is mounted',
        'mount it, or remove its name',
      ),
    ),
    ...twice.map(({ name, at }) =>
      problem(`service.snapshot.${at}`, `${quote(name)} once more`, 'each volume once', 'remove it'),
    ),
  ];
}
