// The page at /docs: every operation with its fields, its example and a form to try it, made of the API's own description.
import { renderSchema, type Schema, schemaId } from './docs-schema.ts';
import { type Html, html, renderHtml } from './html.ts';

/** What the page reads of an OpenAPI document. */
export interface Description {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly schema: Schema;
  readonly description?: string;
  readonly example?: unknown;
}

interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, Media>> }>
  >;
}

interface Placed extends Operation {
  readonly method: string;
  readonly path: string;
}

/** Its style and its program stand beside it; nothing else is loaded. */
export function renderDocsPage(description: Description): string {
  const { info, tags, paths, components } = description;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]): Placed => ({ ...one, method: method.toUpperCase(), path })),
  );
  return renderHtml(html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/page.css">
<script type="module" src="docs/page.js"></script>
</head>
<body>
<a class="skip" href="#operations">To the operations</a>
<header>
<h1>${info.title} <small>${info.version}</small></h1>
<p>${info.description} The same as <a href="docs/openapi.json">OpenAPI 3.1</a>.</p>
${renderTools()}
</header>
<nav aria-label="Areas"><ul>
${tags.map(({ name, description: text }) => html`<li><a href="#area-${name}">${text}</a></li>`)}
<li><a href="#schemas">Shapes with a name</a></li>
</ul></nav>
<main id="operations">
${tags.map((tag) => renderArea(tag, operations))}
<section id="schemas"><h2>Shapes with a name</h2>
${Object.entries(components.schemas).map(
  ([name, schema]) => html`<section id="${schemaId(name)}"><h3>${name}</h3>${renderSchema(schema)}</section>`,
)}
</section>
</main>
</body>
</html>`);
}

function renderTools(): Html {
  return html`<form id="tools" hidden>
<label for="token">Token</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" aria-describedby="token-note">
<p id="token-note">Goes with what is tried below. It stays in this tab’s memory and is gone when the page is. Without one, your sign-in at this server counts.</p>
<label for="filter">Find</label>
<input id="filter" type="search" autocomplete="off" placeholder="a path or a word">
<output id="found" for="filter"></output>
</form>`;
}

function renderArea({ name, description }: Description['tags'][number], all: readonly Placed[]): Html {
  const operations = all.filter(({ tags }) => tags.includes(name));
  return html`<section id="area-${name}"><h2>${description}</h2>
${operations.map(renderOperation)}
</section>`;
}

function renderOperation(operation: Placed): Html {
  const {
    operationId: id,
    method,
    path,
    summary,
    description,
    parameters,
    requestBody,
    responses,
  } = operation;
  const [[status, answer] = ['', {}]] = Object.entries(responses);
  return html`<details class="operation" id="${id}">
<summary><h3><span class="method ${method.toLowerCase()}">${method}</span> <code>${path}</code></h3> <span>${prose(summary)}</span></summary>
<p>${description}</p>
${renderForm(operation)}
${parameters.length === 0 ? '' : renderParameters(parameters)}
${Object.entries(requestBody?.content ?? {}).map(([media, one]) => renderMedia(`What is sent: ${media}`, one))}
${
  answer.content === undefined
    ? html`<h4>The answer: ${status}, empty</h4>`
    : Object.entries(answer.content).map(([media, one]) =>
        renderMedia(`The answer: ${status}, ${media}`, one),
      )
}
</details>`;
}

/** What stands between backticks is code. */
function prose(text: string): Html {
  return html`${text.split('`').map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`))}`;
}

function renderParameters(parameters: readonly Parameter[]): Html {
  const items = parameters.map(
    ({ name, in: place, required, schema, description }) =>
      html`<li><code>${name}</code> <em>in the ${place}${required ? '' : ', optional'}</em> ${renderSchema(schema)} <span class="note">${description}</span></li>`,
  );
  return html`<h4>Fields</h4><ul class="fields">${items}</ul>`;
}

function renderMedia(title: string, { schema, example }: Media): Html {
  const text = typeof example === 'string' ? `…${example}…` : JSON.stringify(example, null, 2);
  return html`<h4>${title}</h4>
${example === undefined ? '' : html`<pre tabindex="0" role="group" aria-label="Example. ${title}">${text}</pre>`}
${schema === undefined ? '' : html`<details class="shape"><summary>Its shape</summary>${renderSchema(schema)}</details>`}`;
}

function renderForm({ operationId: id, method, path, parameters, requestBody }: Placed): Html {
  const [[media, body] = []] = Object.entries(requestBody?.content ?? {});
  const inputs = parameters.map(({ name, in: place, required, example }, i) => {
    const field = `${id}-${i}`;
    const hint = example === undefined ? '' : String(example);
    return html`<label for="${field}">${name}</label><input id="${field}" data-place="${place}" data-name="${name}" placeholder="${hint}" autocomplete="off" spellcheck="false"${required ? html` required` : ''}>`;
  });
  return html`<form class="try" data-method="${method}" data-path="${path}" hidden>
${inputs}
${
  media === undefined
    ? ''
    : media === 'application/json'
      ? html`<label for="${id}-body">Body</label><textarea id="${id}-body" data-media="${media}" rows="8" spellcheck="false">${JSON.stringify(body?.example, null, 2)}</textarea>`
      : html`<label for="${id}-body">Body</label><input id="${id}-body" data-media="${media}" type="file" required>`
}
<button>Send ${method}</button>
<output class="answer" aria-live="polite"></output>
</form>`;
}
