// The lines of a runbook, typed as they stand on a server, an install and a vendor that run.
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Earlier, until } from './earlier-install.ts';

export interface Line {
  readonly line: string;
  /** What the page shows of the answer, without what differs. */
  readonly answer: string;
}

/** What stands behind `$ ` below a heading, in order. */
export function linesOf(page: string, heading: string): readonly Line[] {
  const part = page.split(/^##? /m).find((one) => one.startsWith(heading)) ?? '';
  const found = [...part.matchAll(/^\$ (.+)\n((?!\$ |```).+)?/gm)].map(([, line = '', answer = '']) => ({
    ...{ line, answer },
  }));
  if (found.length === 0) throw new Error(`the page has no lines below ${heading}`);
  return found;
}

/** As the page has them, with the places of this test; `places` are more of those. */
export function typing(world: Earlier, places: readonly (readonly [string, string])[] = []) {
  const { directory, port, run } = world;
  const place = (text: string) =>
    places
      .reduce((all, [from, to]) => all.replaceAll(from, to), text)
      .replaceAll('/srv/fairlead', 'server')
      .replaceAll('/mnt/backups/fairlead', join(directory, 'backups'))
      .replaceAll('/etc/fairlead', join(directory, 'etc'))
      .replaceAll(':8080', `:${port}`);
  const type = async ({ line, answer }: Line) => {
    const output = await run('sh', '-c', place(line));
    expect(output, line).toContain(place(answer));
    return output;
  };
  const serve = async ({ line }: Line) => {
    const [program = '', ...words] = place(line).split(' ');
    const child = world.start(program, ...words, '--port', port);
    await until(async () => ((await fetch(`http://127.0.0.1:${port}/readyz`)).ok ? true : null));
    const exit = once(child, 'exit');
    return async (signal: NodeJS.Signals) => {
      child.kill(signal);
      await exit;
    };
  };
  return { type, serve, place };
}

/** By what the agent says of its last round with the server. */
export async function accepts({ run }: Earlier): Promise<boolean> {
  return run('fairlead', 'check').then(
    () => true,
    () => false,
  );
}
