// What the compose driver promises, on every engine that a customer may have; each runs under a systemd booted for it.
import { describe, it } from 'vitest';
import { PROMISE, runBooted } from '../../../support/booted.ts';
import { type EngineName, lackOf } from '../../../support/compose-engine.ts';
import { describeOnEngine, useEngine } from '../../../support/compose-on-engine.ts';

const ENGINES: readonly EngineName[] = ['docker-20.10', 'classic', 'containerd', 'podman'];
const own = ENGINES.find((name) => name === process.env.FAIRLEAD_ENGINE);

describe(`the compose driver on a real engine${own === undefined ? '' : `, ${own}`}`, {
  timeout: 90_000,
}, () => {
  if (own !== undefined) {
    describeOnEngine(useEngine(own));
    return;
  }
  for (const name of ENGINES) {
    it(`${PROMISE}: ${name}`, { timeout: 310_000 }, async ({ skip }) => {
      const lack = lackOf(name);
      if (lack !== null) skip(lack);
      await runBooted(import.meta.filename, skip, { FAIRLEAD_ENGINE: name });
    });
  }
});
