// The machine's Chromium, driven for a test: it looks at a page of ours, and tells what the page asked for.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

/** Null where the machine has none. */
export function findChromium(): string | null {
  return existsSync(PROGRAM) ? PROGRAM : null;
}

export async function startChromium(program: string): Promise<Browser> {
  // As root, in a container, there is no sandbox to be had; it sees no page but ours.
  return await chromium.launch({
    executablePath: program,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

const PATIENCE_MS = 120_000;

export interface Visit {
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly asked: readonly string[];
  /** Errors of scripts, of loading, and what the page's policy forbade. */
  readonly complaints: readonly string[];
}

export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  // A machine that others use too may keep a browser waiting.
  page.setDefaultTimeout(PATIENCE_MS);
  const asked: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('console', (said) => {
    if (said.type() === 'error' || said.type() === 'warning') complaints.push(said.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, asked, complaints };
}
