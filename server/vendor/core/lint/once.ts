// Services that run once: a limit is for one of the compose file that ends by itself, and what others wait for must end.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import {
  COMPLETED,
  type ComposeServices,
  conditionsOn,
  servicesThatRunOnce,
} from '../../../../shared/schema/drivers/once.ts';
import type { Compose } from './images.ts';
import { problem, quote } from './problem.ts';

/** `isWhole`: what is not among `services` is nowhere. */
export function findOnceProblems(
  { file, once = {} }: Compose,
  services: ComposeServices,
  isWhole: boolean,
): readonly DocumentIssue[] {
  const named = Object.keys(once);
  const path = (name: string) => `service.once.${name}`;
  const unknown = isWhole ? named.filter((name) => services[name] === undefined) : [];
  const waited = named.flatMap((name) => {
    const other = conditionsOn(name, services).find((condition) => condition !== COMPLETED);
    return other === undefined ? [] : [{ name, other }];
  });
  const restarting = servicesThatRunOnce(services, named).flatMap((name) => {
    const restart = services[name]?.restart;
    return restart === 'always' || restart === 'unless-stopped' ? [{ name, restart }] : [];
  });
  return [
    ...unknown.map((name) =>
      problem(
        path(name),
        `no service ${quote(name)} in ${file}`,
        'a service of the compose file that runs once',
        `name one of: ${Object.keys(services).join(', ')}; or remove it`,
      ),
    ),
    ...waited.map(({ name, other }) =>
      problem(
        path(name),
        `${file} waits for ${quote(name)} with condition: ${other}`,
        'a service that runs once and ends',
        `write condition: ${COMPLETED} there, or remove the limit`,
      ),
    ),
    ...restarting.map(({ name, restart }) =>
      problem(
        'service.file',
        `${file} has ${quote(name)} run once, and restart: ${restart}`,
        'a service that ends once it has run',
        'remove its restart, or write restart: on-failure',
      ),
    ),
  ];
}
