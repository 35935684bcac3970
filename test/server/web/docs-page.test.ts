// The page at /docs in a real Chromium: it reads well, asks nobody else for anything, and tries what it describes.
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../server/http/all-routes.ts';
import { renderOpenApi } from '../../../server/http/openapi.ts';
import { type Description, renderDocsPage } from '../../../server/web/docs-page.ts';
import { findChromium, startChromium, visit } from '../../support/chromium.ts';
import { type ExampleFleet, startExampleFleet } from '../../support/example-fleet.ts';

const PROGRAM = findChromium();
/** What a browser takes is not ours to say. */
const SLOW = { timeout: 300_000 };
const INSTANCE_ROUTE = '#get-api-v1-instances-id';

/** Every operation, and the shapes of some: what axe looks at takes its time. */
const OPEN = `
  for (const one of document.querySelectorAll('.operation')) one.open = true;
  for (const one of [...document.querySelectorAll('.shape')].slice(0, 12)) one.open = true;
`;

describe('the page', () => {
  it('shows every operation, with a form of its own', () => {
    const page = renderDocsPage(renderOpenApi(ROUTES) as unknown as Description);

    expect(page.match(/<details class="operation"/g)).toHaveLength(ROUTES.length);
    expect(page.match(/<form class="try"/g)).toHaveLength(ROUTES.length);
  });

  it('makes text of whatever the description says', () => {
    const hostile = '"><script>alert(1)</script>&amp;';
    const described = renderOpenApi(ROUTES) as unknown as Description;
    const page = renderDocsPage({ ...described, info: { ...described.info, title: hostile } });

    expect(page).not.toContain('<script>alert');
    expect(page).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;');
  });
});

describe.skipIf(PROGRAM === null)('in Chromium (Debian’s package chromium), the page', SLOW, () => {
  let fleet: ExampleFleet;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    fleet = await startExampleFleet();
    url = `${fleet.url}/docs`;
    browser = await startChromium(PROGRAM ?? '');
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await fleet?.server.close();
  });

  async function tryInstance(page: Page) {
    const { authorization } = await fleet.server.bearer('viewer');
    await page.fill('#token', authorization.replace('Bearer ', ''));
    await page.click(`${INSTANCE_ROUTE} > summary`);
    await page.fill(`${INSTANCE_ROUTE} [data-name=id]`, fleet.agent.instance);
    await page.click(`${INSTANCE_ROUTE} button`);
    const answer = page.locator(`${INSTANCE_ROUTE} .answer`);
    await answer.locator('pre').first().waitFor();
    return answer.innerText();
  }

  it('tries an operation with a token that is nowhere but in its field', async () => {
    const { page, asked, complaints } = await visit(browser, url);

    const answer = await tryInstance(page);

    expect(answer).toMatch(/^200 OK/);
    expect(answer).toContain('"name": "Harbour hospital"');
    const kept = await page.evaluate(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    );
    expect([kept, page.url()]).toEqual(['[{},{},""]', url]);
    await page.reload();
    expect(await page.inputValue('#token')).toBe('');
    expect(asked.filter((one) => new URL(one).origin !== fleet.url && !one.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('says what was refused, and why', async () => {
    const { page } = await visit(browser, `${url}${INSTANCE_ROUTE}`);

    await page.fill(`${INSTANCE_ROUTE} [data-name=id]`, 'nobody');
    await page.click(`${INSTANCE_ROUTE} button`);
    const answer = page.locator(`${INSTANCE_ROUTE} .answer`);
    await answer.locator('pre').first().waitFor();

    expect(await answer.innerText()).toMatch(/^401 Unauthorized[\s\S]*auth\/missing/);
    await page.context().close();
  });

  it('sends the body and the header that it shows', async () => {
    const { page } = await visit(browser, url);
    const form = '#post-api-v1-groups';
    const { authorization } = await fleet.server.bearer('operator');
    await page.fill('#token', authorization.replace('Bearer ', ''));
    await page.click(`${form} > summary`);
    const shown = await page.inputValue(`${form} textarea`);
    await page.fill(`${form} textarea`, JSON.stringify(fleet.toReal(JSON.parse(shown))));
    await page.fill(`${form} [data-name=Idempotency-Key]`, 'once');

    for (const _ of [1, 2]) await page.click(`${form} button`);
    await page.locator(`${form} .answer pre`).first().waitFor();

    expect(await page.locator(`${form} .answer`).innerText()).toMatch(/^201 Created[\s\S]*"name": "clinics"/);
    await page.context().close();
  });

  it('is used with the keyboard alone', async () => {
    const { page } = await visit(browser, url);
    const focused = (what: string) => page.evaluate(`document.activeElement.${what}`);

    await page.keyboard.press('Tab');
    expect(await focused('className')).toBe('skip');
    await page.focus('#filter');
    await page.keyboard.type('newest report');
    expect(await page.innerText('#found')).toMatch(new RegExp(`^\\d of ${ROUTES.length}$`));
    expect([await page.isVisible(INSTANCE_ROUTE), await page.isVisible('#get-healthz')]).toEqual([
      true,
      false,
    ]);
    await page.focus(`${INSTANCE_ROUTE} > summary`);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused('dataset.name')).toBe('id');
    await page.keyboard.type(fleet.agent.instance);
    await page.keyboard.press('Enter');
    await page.locator(`${INSTANCE_ROUTE} .answer pre`).first().waitFor();
    await page.context().close();
  });

  it.each([
    ['light and wide', 'light', 1280],
    ['dark and narrow', 'dark', 360],
  ] as const)(
    '%s, has contrast, names and an order, and nothing stands beyond its edge',
    async (_what, colorScheme, width) => {
      const { page, complaints } = await visit(browser, url, {
        colorScheme,
        viewport: { width, height: 800 },
      });
      await page.evaluate(OPEN);
      await page.evaluate(axe.source);

      const found = (await page.evaluate('axe.run()')) as axe.AxeResults;
      const beyond = await page.evaluate('document.documentElement.scrollWidth - innerWidth');

      expect(found.violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([]);
      expect(beyond).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
    300_000,
  );
});
