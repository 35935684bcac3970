// A JSON Schema as people read one: which fields, of what kind, within which bounds; a named one stands once, elsewhere.
import { type Html, html } from './html.ts';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
  readonly description?: string;
  readonly pattern?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export function schemaId(name: string): string {
  return `schema-${name}`;
}

/** Its own kind in one line, and below it what it is made of. */
export function renderSchema(schema: Schema): Html {
  const inner = [schema, schema.items ?? {}, ...choicesOf(schema)].filter((one) => one.properties);
  return html`<span class="kind">${kindOf(schema)}</span>${inner.map(renderFields)}`;
}

function renderFields({ properties = {}, required = [] }: Schema): Html {
  const fields = Object.entries(properties).map(
    ([name, field]) =>
      html`<li><code>${name}</code>${required.includes(name) ? '' : html` <em>optional</em>`} ${renderSchema(field)}${
        field.description === undefined ? '' : html` <span class="note">${field.description}</span>`
      }</li>`,
  );
  return html`<ul class="fields">${fields}</ul>`;
}

function choicesOf({ anyOf = [], oneOf = [] }: Schema): readonly Schema[] {
  return [...anyOf, ...oneOf];
}

function kindOf(schema: Schema): Html {
  const { $ref, type, const: only, enum: values } = schema;
  if ($ref !== undefined) {
    const name = $ref.split('/').at(-1) ?? '';
    return html`<a href="#${schemaId(name)}">${name}</a>`;
  }
  if (only !== undefined) return html`<code>${JSON.stringify(only)}</code>`;
  if (values !== undefined) {
    return html`${values.map((one, i) => html`${i === 0 ? '' : ' | '}<code>${JSON.stringify(one)}</code>`)}`;
  }
  const choices = choicesOf(schema);
  if (choices.length > 0)
    return html`${choices.map((one, i) => html`${i === 0 ? '' : ' or '}${kindOf(one)}`)}`;
  if (schema.items !== undefined) return html`list of ${kindOf(schema.items)}${bounds(schema)}`;
  return html`${type ?? 'anything'}${bounds(schema)}`;
}

function bounds(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, format, default: usual } = schema;
  // Every whole number of JSON is safe: the largest of them says nothing.
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const said = [
    ...(format === undefined ? [] : [format]),
    ...spanOf(minimum, most, ''),
    ...spanOf(minLength, maxLength, ' characters'),
    ...spanOf(minItems, maxItems, ' entries'),
    ...(usual === undefined ? [] : [`${JSON.stringify(usual)} unless given`]),
  ];
  return said.length === 0 ? '' : ` (${said.join(', ')})`;
}

function spanOf(least: number | undefined, most: number | undefined, unit: string): readonly string[] {
  if (most === undefined) return least === undefined || least === 0 ? [] : [`at least ${least}${unit}`];
  return [least === undefined || least === 0 ? `at most ${most}${unit}` : `${least} to ${most}${unit}`];
}
