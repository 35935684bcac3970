// Paths, modes and errors of a crash disk, as the kernel and Node name them.
import { constants } from 'node:fs';
import type { DirectoryNode, FileNode, LinkNode, Node } from './crash-disk.ts';

export interface CrashStat extends Kind {
  readonly mode: number | bigint;
  readonly size: number | bigint;
  /** No file of it has two names. */
  readonly nlink: number | bigint;
  /** It keeps no times: what is on it may have been changed a moment ago. */
  readonly ctimeNs: bigint;
}

export interface StatOptions {
  readonly bigint?: boolean;
}

const NEVER_SETTLED = 2n ** 62n;

interface Kind {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** A loop of links would never end. */
const MOST_LINKS = 8;

/** What a path names, a link at its end not followed; null when there is nothing. */
export function lookUp(root: DirectoryNode, path: string, call: string): Node | null {
  const { directory, name } = parentOf(root, path, call);
  return name === '' ? directory : (directory.entries.get(name) ?? null);
}

/** What a path leads to. Errors: ENOENT, ENOTDIR, ELOOP. */
export function follow(root: DirectoryNode, path: string, call: string, links = 0): Exclude<Node, LinkNode> {
  if (links > MOST_LINKS) throw failure('ELOOP', call, path);
  const node = lookUp(root, path, call);
  if (node === null) throw failure('ENOENT', call, path);
  return node.kind === 'link' ? follow(root, targetOf(node, path), call, links + 1) : node;
}

/** The directory a path's last name is in. Errors: ENOENT, ENOTDIR. */
export function parentOf(
  root: DirectoryNode,
  path: string,
  call: string,
): { readonly directory: DirectoryNode; readonly name: string } {
  const parts = normalize(path);
  const name = parts.pop() ?? '';
  let directory = root;
  for (const [i, part] of parts.entries()) {
    const next = directory.entries.get(part);
    if (next === undefined) throw failure('ENOENT', call, path);
    const node =
      next.kind === 'link' ? follow(root, targetOf(next, `/${parts.slice(0, i + 1).join('/')}`), call) : next;
    if (node.kind !== 'directory') throw failure('ENOTDIR', call, path);
    directory = node;
  }
  return { directory, name };
}

export function exists(root: DirectoryNode, path: string): boolean {
  try {
    return lookUp(root, path, 'stat') !== null;
  } catch {
    return false;
  }
}

export function parseFlags(flags: string | number) {
  if (typeof flags === 'number') {
    return {
      create: (flags & constants.O_CREAT) !== 0,
      exclusive: (flags & constants.O_EXCL) !== 0,
      truncate: (flags & constants.O_TRUNC) !== 0,
      append: (flags & constants.O_APPEND) !== 0,
    };
  }
  return {
    create: /^[wa]/.test(flags),
    exclusive: flags.includes('x'),
    truncate: flags.startsWith('w'),
    append: flags.startsWith('a'),
  };
}

/** An error as node:fs throws it. */
export function failure(code: string, call: string, path: string): Error {
  // Without its stack: most are answers to a question, and a stack costs more than all else in them.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${call} '${path}'`);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, { code, syscall: call, path });
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}

/** Numbers as Node gives them to whoever asks: of one kind or of the other, and never equal to those of the other. */
export function statOf(node: Node, { bigint = false }: StatOptions = {}): CrashStat {
  const size = node.kind === 'file' ? node.bytes.length : 0;
  const mode = node.kind === 'link' ? 0o777 : node.mode;
  const asked = bigint ? BigInt : Number;
  return {
    ...kindOf(node),
    ...{ size: asked(size), mode: asked(mode), nlink: asked(1), ctimeNs: NEVER_SETTLED },
  };
}

export function kindOf({ kind }: FileNode | DirectoryNode | LinkNode): Kind {
  return {
    isFile: () => kind === 'file',
    isDirectory: () => kind === 'directory',
    isSymbolicLink: () => kind === 'link',
  };
}

function targetOf({ target }: LinkNode, path: string): string {
  return target.startsWith('/') ? target : `${path}/../${target}`;
}

function normalize(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}
