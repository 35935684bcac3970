// The operator's own compose file, as it is read with the configuration that names it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSettings } from '../../../../agent/adapters/state/settings.ts';
import { withPart } from '../../../../shared/compile/config.ts';
import { MOST_OVERRIDE } from '../../../../shared/schema/instance.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';

function setUp(text: string) {
  const directory = temporaryDirectory();
  const [path, file] = [join(directory, 'instance.json'), join(directory, 'web.yaml')];
  const capabilities = { web: { override: { file } } };
  writeFileSync(path, JSON.stringify({ schema: 'fairlead/instance@1', suites: { shop: { capabilities } } }));
  writeFileSync(file, text);
  return { settings: createSettings(directory, path), path, file };
}

describe('an override', () => {
  it('comes with what stands in its file', async () => {
    const { settings, file } = setUp('services: {}\n');

    const { suites } = await settings.config();

    expect(suites['shop']?.capabilities['web']?.override).toEqual({ file, text: 'services: {}\n' });
  });

  it('stays a name in the configuration, whatever else is changed there', async () => {
    const { settings, path } = setUp('services: {}\n');

    await settings.editConfig(
      (config) => withPart(config, { suite: 'shop', name: 'web' }, { allow: ['pid' as const] }),
      async () => undefined,
    );

    expect(readFileSync(path, 'utf8')).toContain('web.yaml');
    expect(readFileSync(path, 'utf8')).not.toContain('services');
  });

  it('that is gone or too large is named with its field, and nothing is decided without it', async () => {
    const { settings, file } = setUp('#'.repeat(MOST_OVERRIDE + 1));
    const large = await rejectionOf(settings.config());
    rmSync(file);

    const gone = await rejectionOf(settings.config());

    expect([large.code, gone.code]).toEqual(['document/invalid', 'document/invalid']);
    for (const { message } of [large, gone]) {
      expect(message).toContain('suites.shop.capabilities.web.override.file');
    }
    await settings.look(async ({ config }) => expect(config.kind).toBe('unreadable'));
  });
});
