// The compose driver on an engine that keeps its images in containerd's store, as new installations of Docker do.
import { describe, it } from 'vitest';
import { describeBooted } from '../../../support/booted.ts';
import { canHaveEngine } from '../../../support/compose-engine.ts';
import { describeOnEngine, useEngine } from '../../../support/compose-on-engine.ts';

const NAME = 'the compose driver on a real engine with the store of containerd';

if (canHaveEngine) {
  describeBooted(NAME, import.meta.filename, () => describeOnEngine('containerd', useEngine('containerd')));
} else {
  describe(NAME, () => {
    it('keeps every promise of this file', ({ skip }) =>
      skip('needs Docker with the compose plugin: on a Debian, scripts/install-engine unpacks one for it'));
  });
}
