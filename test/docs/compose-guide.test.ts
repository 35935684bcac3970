// The guide for products that run with compose: every command of the page in one shell, on a real engine, with a registry.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeBooted } from '../support/booted.ts';
import { createEngine, lackOf } from '../support/compose-engine.ts';
import { freePort } from '../support/free-port.ts';
import { PASSWORD, registryMissing, startRegistry, USER } from '../support/registry.ts';
import { expectWalk, stepsOf } from '../support/walked-page.ts';
import { webImage } from '../support/web-image.ts';

const GUIDE = readFileSync(new URL('../../docs/guide/compose.md', import.meta.url), 'utf8');
const NAME = 'the guide for products that run with compose';

const lack = lackOf('classic') ?? registryMissing;
if (lack === null) {
  describeBooted(NAME, import.meta.filename, onEngine);
} else {
  describe(NAME, () => {
    it('does and prints what it says', ({ skip }) => skip(lack));
  });
}

function onEngine(): void {
  it('does and prints what it says', { timeout: 240_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
    chmodSync(directory, 0o711);
    const engine = await createEngine(directory, 'classic');
    const registry = await startRegistry();
    onTestFinished(() => registry.stop());
    onTestFinished(() => engine.kill());
    for (const version of ['1.0.0', '1.1.0']) {
      await registry.push('shop/web', version, webImage(directory, version));
    }
    const places = { 'registry.example.com': registry.host, 8080: await freePort(), 8090: await freePort() };
    const page = placed(GUIDE, places);
    // What the page only says, and whoever reads it does: the registry goes away.
    const gone = `kill -KILL ${registry.pid}\n`;
    // And reads for longer than the agent needs to tidy up behind a commit.
    const tidied =
      'for i in $(seq 150); do [ "$(docker image ls --quiet | wc -l)" = 1 ] && break; sleep 0.2; done; sleep 2\n';
    const steps = stepsOf(page).map((step) =>
      step.commands.includes('fairlead rollback')
        ? { ...step, commands: gone + tidied + step.commands }
        : step,
    );
    expect(steps.filter(({ commands }) => commands.startsWith(gone)).length).toBe(1);

    await expectWalk(steps, directory, { REGISTRY_USER: USER, REGISTRY_PASSWORD: PASSWORD });

    expect(spawnSync('docker', ['ps', '--all', '--quiet'], { encoding: 'utf8' }).stdout).toBe('');
  });
}

function placed(page: string, places: Readonly<Record<string, string | number>>): string {
  return Object.entries(places).reduce((all, [from, to]) => all.replaceAll(from, String(to)), page);
}
