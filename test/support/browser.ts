// A person's browser, without its screen: it follows redirects, keeps cookies and says where requests come from, as RFC 6265 and Fetch Metadata have it.
import type { FastifyInstance } from 'fastify';

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Asked {
  readonly method?: 'GET' | 'POST';
  readonly form?: Readonly<Record<string, string>>;
  /** The origin of the page that has it ask; a person who types an address has none. */
  readonly from?: string;
  /** What a script sends; a navigation unless given. */
  readonly fetched?: boolean;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
}

export interface Browser {
  readonly cookies: Map<string, Cookie>;
  /** Where each request went, the last one at the end. */
  readonly visited: string[];
  open(url: string, asked?: Asked): Promise<Page>;
  /** Presses the only button of a page whose form holds these fields. */
  submit(page: Page, fields?: Readonly<Record<string, string>>): Promise<Page>;
}

const MAX_REDIRECTS = 20;

/** Requests to `origin` go to the app, all others over the network. */
export function createBrowser(origin: string, app: () => FastifyInstance): Browser {
  const cookies = new Map<string, Cookie>();
  const visited: string[] = [];

  function keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(/; */);
    const name = pair.slice(0, pair.indexOf('='));
    const of = (wanted: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const secure = attributes.some((one) => one.toLowerCase() === 'secure');
    const path = of('path') ?? '/';
    if (name.startsWith('__Host-') && (!secure || path !== '/' || of('domain') !== undefined)) return;
    if (secure && url.protocol !== 'https:') return;
    const key = `${url.hostname} ${path} ${name}`;
    const ended = of('max-age') === '0' || Date.parse(of('expires') ?? '') <= Date.now();
    if (ended) cookies.delete(key);
    else cookies.set(key, { name, value: pair.slice(name.length + 1), host: url.hostname, path, secure });
  }

  function cookiesFor(url: URL): string {
    return [...cookies.values()]
      .filter(({ host, path, secure }) => {
        const fits = url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
        return host === url.hostname && fits && (!secure || url.protocol === 'https:');
      })
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  async function open(address: string, asked: Asked = {}): Promise<Page> {
    let { method = 'GET', form } = asked;
    let isSameOrigin = true;
    let url = new URL(address);
    for (let hops = 0; hops < MAX_REDIRECTS; hops++) {
      isSameOrigin &&= asked.from === undefined || asked.from === url.origin;
      const site = asked.from === undefined ? 'none' : isSameOrigin ? 'same-origin' : 'cross-site';
      const cookie = cookiesFor(url);
      const headers: Record<string, string> = {
        'sec-fetch-site': site,
        'sec-fetch-mode': asked.fetched === true ? 'cors' : 'navigate',
        'sec-fetch-dest': asked.fetched === true ? 'empty' : 'document',
        ...(cookie === '' ? {} : { cookie }),
        ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
        ...(method === 'POST' && asked.from !== undefined ? { origin: asked.from } : {}),
      };
      const body = method === 'POST' ? new URLSearchParams(form).toString() : undefined;
      visited.push(url.href);
      const answer = await (url.origin === origin ? inject : overNetwork)(url, method, headers, body);
      for (const line of answer.headers.getSetCookie()) keep(url, line);
      const next = answer.headers.get('location');
      if (answer.status < 300 || answer.status >= 400 || next === null) return { url: url.href, ...answer };
      url = new URL(next, url);
      if (answer.status !== 307 && answer.status !== 308) [method, form] = ['GET', undefined];
    }
    throw new Error(`too many redirects: ${visited.slice(-4).join(' → ')}`);
  }

  type Answer = Omit<Page, 'url'>;
  async function inject(
    url: URL,
    method: 'GET' | 'POST',
    headers: Record<string, string>,
    payload: string | undefined,
  ): Promise<Answer> {
    const response = await app().inject({
      ...{ method, url: `${url.pathname}${url.search}`, headers: { ...headers, host: url.host } },
      ...(payload === undefined ? {} : { payload }),
    });
    const lines = Object.entries(response.headers).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    );
    return { status: response.statusCode, headers: new Headers(lines), text: response.body };
  }

  async function overNetwork(
    url: URL,
    method: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<Answer> {
    const init = body === undefined ? {} : { body };
    const response = await fetch(url, { method, headers, redirect: 'manual', ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  return {
    cookies,
    visited,
    open,
    submit: (page, fields = {}) => {
      const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(page.text) ?? [];
      const hidden = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
      const form = { ...Object.fromEntries(hidden.map(([, name, value]) => [name, value])), ...fields };
      const target = new URL(action, page.url).href;
      return open(target, { method: 'POST', form, from: new URL(page.url).origin });
    },
  };
}

/** Everything between "Sign in" and the page that is shown at its end, in a browser and a provider of the tests. */
export async function signInWith(browser: Browser, address: string, login: string): Promise<Page> {
  let page = await browser.open(address);
  while (page.text.includes('name="prompt"')) {
    page = await browser.submit(page, page.text.includes('name="login"') ? { login, password: 'x' } : {});
  }
  return page;
}
