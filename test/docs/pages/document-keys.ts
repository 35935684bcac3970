// The keys of a document, read from its JSON Schema: parents before children, choices of a union side by side.
export interface Node {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly not?: object;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly prefixItems?: readonly Node[];
  readonly additionalProperties?: Node | boolean;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
}

export interface DocumentKey {
  /** `health[].http`, `settings.NAME.default` */
  readonly path: string;
  readonly node: Node;
  readonly isRequired: boolean;
  /** The choices of a union that know it; empty where all do. */
  readonly only: readonly string[];
}

export function keysOf(node: Node, prefix = ''): readonly DocumentKey[] {
  const choices = node.oneOf ?? node.anyOf;
  if (choices !== undefined) return mergeChoices(choices, prefix);
  if (node.items !== undefined) return keysOf(node.items, `${prefix}[]`);
  if (typeof node.additionalProperties === 'object' && node.properties === undefined) {
    return keysOf(node.additionalProperties, `${prefix}.NAME`);
  }
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    if (child.not !== undefined) return [];
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const isRequired = node.required?.includes(key) === true && child.default === undefined;
    return [{ path, node: child, isRequired, only: [] }, ...keysOf(child, path)];
  });
}

/** Every node of a key, in each choice of a union. */
export function visitKeys(node: Node, prefix: string, see: (path: string, node: Node) => void): void {
  for (const choice of node.oneOf ?? node.anyOf ?? []) visitKeys(choice, prefix, see);
  if (node.items !== undefined) visitKeys(node.items, `${prefix}[]`, see);
  if (typeof node.additionalProperties === 'object')
    visitKeys(node.additionalProperties, `${prefix}.NAME`, see);
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    see(path, child);
    visitKeys(child, path, see);
  }
}

/** What tells the choices of a union apart: the word under `driver`, `type` or `kind`, else the key that only one requires. */
function mergeChoices(choices: readonly Node[], prefix: string): readonly DocumentKey[] {
  const named = choices.filter((choice) => choice.properties !== undefined);
  const merged = new Map<string, DocumentKey & { readonly in: readonly string[] }>();
  for (const choice of named) {
    for (const key of keysOf(choice, prefix)) {
      const before = merged.get(key.path);
      const known = before?.in ?? [];
      const node = before === undefined ? key.node : joined(before.node, key.node);
      merged.set(key.path, { ...key, node, in: [...known, labelOf(choice, named)] });
    }
  }
  return [...merged.values()].map(({ in: known, ...key }) => ({
    ...key,
    only: known.length === named.length ? key.only : [...new Set(known)],
  }));
}

function joined(a: Node, b: Node): Node {
  if (a.const === undefined && a.enum === undefined) return a;
  const words = [...(a.enum ?? [a.const]), ...(b.enum ?? [b.const])];
  const { const: _, ...rest } = a;
  return { ...rest, enum: [...new Set(words)] };
}

function labelOf(choice: Node, all: readonly Node[]): string {
  const tag = Object.values(choice.properties ?? {}).find(({ const: word }) => typeof word === 'string');
  if (tag !== undefined) return String(tag.const);
  const others = all.filter((other) => other !== choice);
  const own = choice.required?.find((key) => !others.some((other) => other.required?.includes(key)));
  return own ?? 'other';
}
