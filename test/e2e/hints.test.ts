// An install that polls once an hour hears of a release as soon as the vendor publishes it.
import { describe, expect, it } from 'vitest';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import {
  type EarlierStatus,
  releaseAnew,
  startEarlier,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';

describe('an install that listens', { timeout: 300_000 }, () => {
  it('has a release within moments, though it asks once an hour', async () => {
    const earlier = await unpackEarlier();
    const { run, json } = earlier;
    await startEarlier(earlier, 'PT1H');
    const { editor } = createOfflineEdition();
    const status = () =>
      json<EarlierStatus & { readonly hints: { readonly listening: boolean } | null }>('status');
    await until(async () => ((await status()).hints?.listening === true ? true : null));

    await releaseAnew(earlier, editor, '1.3.8');
    const { components } = await until(async () => {
      const seen = await status();
      return seen.components.some(({ version }) => version === '1.3.8') ? seen : null;
    });

    expect(components).toContainEqual(
      expect.objectContaining({ component: editor.component, version: '1.3.8' }),
    );
    expect(await run('fairlead', 'status')).toMatch(/^Told of news at once, since /m);
    expect(await run('fairlead', 'doctor').catch(({ stdout }) => stdout)).toContain(
      'the server tells of news at once',
    );
  });
});
