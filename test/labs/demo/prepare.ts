// Putting both products together in the background, two versions at a time, in the order in which the story needs them.
import { join } from 'node:path';
import type { Application, Edition, PreparedVersion } from './applications.ts';
import type { Stage } from './stage.ts';
import { DemoFailure } from './terminal.ts';

const LANES = 2;

export function prepareAhead(edition: Edition, directory: string): Stage['prepared'] {
  const { editor, registry } = edition;
  const order: readonly (readonly [Application, string])[] = [
    [editor, editor.vulnerable],
    [registry, registry.first],
    [editor, editor.ordinary],
    [editor, editor.fixed],
    [registry, registry.second],
    [registry, registry.broken],
  ];
  const started: Promise<PreparedVersion>[] = [];
  const ready = new Map<string, Promise<PreparedVersion>>();
  for (const [application, version] of order) {
    const place = join(directory, `${application.component.replace('/', '-')}-${version}`);
    const before = started.at(-LANES)?.catch(() => undefined);
    const work = Promise.resolve(before).then(() => application.prepare(version, place));
    // Whoever needs it hears of its failure; the others go on.
    work.catch(() => undefined);
    started.push(work);
    ready.set(`${application.component}@${version}`, work);
  }
  return (application, version) => {
    const work = ready.get(`${application.component}@${version}`);
    if (work === undefined) throw new DemoFailure(`nobody prepared ${application.component}@${version}`);
    return work;
  };
}
