// The quick start, walked as a newcomer would: every command of the page in one shell, its output compared.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../support/directories.ts';
import { freePort } from '../support/free-port.ts';
import { expectWalk, type Step, stepsOf } from '../support/walked-page.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const GUIDE = readFileSync(join(ROOT, 'docs/guide/quick-start.md'), 'utf8');
// Half a minute of work for one processor; a busy machine may take its time.
const LIMIT_MS = 360_000;

describe('the quick start', () => {
  it('does and prints what it says', { timeout: LIMIT_MS }, async () => {
    const directory = temporaryDirectory();
    onTestFinished(() => stopEverythingIn(directory));

    await expectWalk(await readSteps(), directory);
  });
});

/** The page's own ports may be taken here. */
async function readSteps(): Promise<readonly Step[]> {
  const [server, app] = [String(await freePort()), String(await freePort())];
  const page = GUIDE.replaceAll('8080', server).replaceAll('8090', app);
  return stepsOf(page);
}

/** After a failure: every process that works below the test's own directory. */
function stopEverythingIn(directory: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended since, or is nobody's business here.
    }
  }
}
