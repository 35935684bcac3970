// What moves on the page at /docs: finding an operation, and trying one. The token is in its field and nowhere else.
const base = location.pathname.replace(/\/docs\/?$/, '');
const tools = document.getElementById('tools');
const token = document.getElementById('token');
const filter = document.getElementById('filter');
const found = document.getElementById('found');
const operations = [...document.querySelectorAll('.operation')];

for (const form of document.querySelectorAll('form')) {
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (form !== tools) void attempt(form);
  });
}
// A browser may put back what was typed before the page was left.
token.value = '';

filter.addEventListener('input', () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  for (const operation of operations) {
    const text = operation.querySelector('summary').textContent.toLowerCase();
    operation.hidden = !words.every((word) => text.includes(word));
  }
  const shown = operations.filter((operation) => !operation.hidden).length;
  found.textContent = filter.value === '' ? '' : `${shown} of ${operations.length}`;
});

addEventListener('hashchange', showLinked);
showLinked();

/** A link to an operation opens it. */
function showLinked() {
  const linked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked instanceof HTMLDetailsElement) linked.open = true;
}

async function attempt(form) {
  const output = form.querySelector('.answer');
  const began = performance.now();
  output.replaceChildren('…');
  try {
    const response = await fetch(addressOf(form), requestOf(form));
    const body = await textOf(response);
    const took = `${Math.round(performance.now() - began)} ms`;
    const status = line(`${response.status} ${response.statusText}, ${took}`, response.ok ? '' : 'refused');
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    output.replaceChildren(status, block('Headers', headers), ...(body === '' ? [] : [block('Body', body)]));
  } catch (error) {
    output.replaceChildren(line(`Nothing was answered: ${error.message}`, 'refused'));
  }
}

function addressOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const { value, dataset } of fieldsOf(form)) {
    // A path of several parts keeps its slashes.
    const parts = () => value.split('/').map(encodeURIComponent).join('/');
    if (dataset.place === 'path') path = path.replace(`{${dataset.name}}`, parts);
    if (dataset.place === 'query') query.set(dataset.name, value);
  }
  return `${base}${path}${query.size === 0 ? '' : `?${query}`}`;
}

function requestOf(form) {
  const headers = new Headers();
  if (token.value !== '') headers.set('authorization', `Bearer ${token.value.trim()}`);
  for (const { value, dataset } of fieldsOf(form)) {
    if (dataset.place === 'header') headers.set(dataset.name, value);
  }
  const body = form.querySelector('[data-media]');
  if (body !== null) headers.set('content-type', body.dataset.media);
  return {
    method: form.dataset.method,
    headers,
    cache: 'no-store',
    redirect: 'error',
    ...(body === null ? {} : { body: body.type === 'file' ? body.files[0] : body.value }),
  };
}

/** Those that something was typed into. */
function fieldsOf(form) {
  return [...form.querySelectorAll('[data-place]')].filter((field) => field.value !== '');
}

const MOST_SHOWN = 200_000;

async function textOf(response) {
  const type = response.headers.get('content-type') ?? '';
  if (!/json|text/.test(type)) return type === '' ? '' : `${(await response.blob()).size} bytes of ${type}`;
  const text = await response.text();
  if (text.length > MOST_SHOWN) return `${text.slice(0, MOST_SHOWN)}\n… ${text.length} characters in all`;
  return /json/.test(type) && text !== '' ? JSON.stringify(JSON.parse(text), null, 2) : text;
}

function line(text, kind) {
  const made = document.createElement('p');
  made.className = kind;
  made.textContent = text;
  return made;
}

function block(title, text) {
  const made = document.createElement('pre');
  made.tabIndex = 0;
  made.setAttribute('role', 'group');
  made.setAttribute('aria-label', title);
  made.textContent = text;
  return made;
}
