// A frozen install whose policy lets fixes in: the programs as they are typed, from the advisory to the record and what the server heard.
import { describe, expect, it } from 'vitest';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import {
  committed,
  type EarlierStatus,
  releaseAnew,
  startEarlier,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';

interface Explained {
  readonly decision: { readonly verdict: string; readonly blockers: readonly { readonly code: string }[] };
}

describe('a frozen install', { timeout: 300_000 }, () => {
  it('gets the fix of a severe advisory in its window, and nothing else, once its policy says so', async () => {
    const { editor } = createOfflineEdition();
    const earlier = await unpackEarlier();
    const { run, json } = earlier;
    await startEarlier(earlier);
    const why = ['--reason', 'year end'];
    await run('fairlead', 'channel', 'set', 'frozen', ...why);
    await releaseAnew(earlier, editor, '1.3.8');
    const about = ['--id', 'FL-2026-0009', '--title', 'Token reuse', '--severity', 'high'];
    const versions = ['--affected', `${editor.component}:<1.3.8`, '--fixed', `${editor.component}@1.3.8`];
    await run('fairlead-vendor', 'advisory', 'publish', ...about, ...versions);
    await until(async () => {
      const { decision } = await json<Explained>('explain');
      return decision.blockers.some(({ code }) => code === 'channel-frozen') ? decision : null;
    });

    // A window that is shut for hours to come.
    const hour = (new Date().getUTCHours() + 12) % 24;
    const when = ['--cron', `0 ${hour} * * *`, '--duration', 'PT1H', '--zone', 'UTC'];
    await run('fairlead', 'window', 'add', 'night', ...when, ...why);
    expect(await run('fairlead', 'security', 'from', 'high', ...why)).toContain('Fixes from high on');
    const waiting = await until(async () => {
      const { decision } = await json<Explained>('explain');
      return decision.verdict === 'wait' ? decision : null;
    });
    expect(waiting).toMatchObject({
      fix: { by: 'policy', advisories: ['FL-2026-0009'], beside: [] },
      blockers: [{ code: 'window-closed' }],
    });
    expect(await run('fairlead', 'status')).toMatch(/^EXPOSED to FL-2026-0009; a fix of FL-2026-0009 waits/);

    await run('fairlead', 'window', 'remove', 'night', ...why);
    await committed(json, 8);

    const { components } = await json<EarlierStatus>('status');
    expect(components.map(({ version }) => version)).toEqual(['6.1.2', '1.3.8']);
    const change = await run('fairlead', 'change', '8');
    expect(change).toContain('fix of FL-2026-0009 by policy, started by agent');
    expect(change).toContain('nothing moves but what the advisories affect');
    const events = await until(async () => {
      const told = await run('fairlead-vendor', 'events');
      return told.includes('fix of FL-2026-0009') ? told : null;
    });
    expect(events).toContain('begins (fix of FL-2026-0009)');
  });
});
