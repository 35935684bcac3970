// The first page: what this is, for whoever comes with a browser.
import type { SignIn } from '../../context.ts';
import type { Person } from '../../core/identity.ts';
import { type Html, html } from '../../web/html.ts';
import type { Page } from '../route.ts';
import { sendPage } from '../send-page.ts';
import { greet } from '../visitor.ts';

export const FRONT_PAGES: readonly Page[] = [
  {
    method: 'GET',
    path: '/',
    access: 'public',
    quiet: true,
    respond: async (context, request, reply) => {
      const person = await greet(context, request);
      return sendPage(
        reply,
        200,
        'Fairlead release server',
        html`<p>This server gives self-hosted installs their signed releases, and hears from them what runs.</p>
${person === null ? invitation(context.signIn) : greeting(person)}
<p>What it can be asked is described under <a href="/docs">/docs</a>; whether it can do its work says <a href="/readyz">/readyz</a>.</p>`,
      );
    },
  },
];

function invitation(signIn: SignIn | null): Html {
  if (signIn?.browser) return html`<p><a href="/auth/sign-in">Sign in</a></p>`;
  return html`<p>People and programs that ask it something bring a token: <code>Authorization: Bearer …</code></p>`;
}

function greeting({ name, roles }: Person): Html {
  return html`<form method="post" action="/auth/sign-out">
<p>You are signed in as ${name} (${roles.join(', ') || 'no role'}). <button>Sign out</button></p>
</form>`;
}
