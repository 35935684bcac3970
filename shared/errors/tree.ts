// Errors of trees and packs: a directory that cannot be a tree, a pack that is not the tree it should be.
import { EXIT, entry } from './entry.ts';

export const TREE_ERRORS = {
  'tree/entry-refused': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `"${d.path}" cannot be part of a tree: ${d.problem}`,
    hint: () =>
      'a tree holds files, directories and relative links that stay inside: change or remove the entry',
    http: 400,
    exit: EXIT.usage,
  }),
  'tree/index-invalid': entry<{ readonly problem: string }>({
    message: (d) => `the tree's index cannot be used: ${d.problem}`,
    hint: () => 'build the release again: the index is written by `fairlead-vendor build`',
    http: 400,
    exit: EXIT.untrusted,
  }),
  'tree/too-large': entry<{ readonly limit: string; readonly value: number; readonly found: number }>({
    message: (d) => `the tree is too large: ${d.limit} is at most ${d.value}, found ${d.found}`,
    hint: () => 'split the capability, or leave out what it does not need to run',
    http: 413,
    exit: EXIT.usage,
  }),
  'tree/changed-while-packing': entry<{ readonly path: string }>({
    message: (d) => `"${d.path}" changed while it was packed`,
    hint: () => 'build again from a directory that nothing writes to',
    http: 409,
    exit: EXIT.failed,
  }),
  'tree/unreadable': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `cannot read "${d.path}": ${d.problem}`,
    hint: () => 'check that the path exists and that this account may read it',
    http: 400,
    exit: EXIT.failed,
  }),
  'tree/pack-damaged': entry<{ readonly tree: string; readonly problem: string }>({
    message: (d) => `the pack of tree ${d.tree} is damaged: ${d.problem}`,
    hint: () => 'nothing of it was kept; the agent fetches it again, best from another mirror',
    http: 502,
    exit: EXIT.untrusted,
  }),
  'tree/base-changed': entry<{ readonly tree: string; readonly path: string }>({
    message: (d) => `a patch starts from tree ${d.tree}, whose "${d.path}" is not what it was`,
    hint: () => 'nothing of it was kept; the agent fetches the full pack instead',
    http: 409,
    exit: EXIT.failed,
  }),
  'tree/patch-failed': entry<{ readonly problem: string }>({
    message: (d) => `a patch could not be applied: ${d.problem}`,
    hint: () => 'nothing of it was kept; the agent fetches the full pack instead',
    http: 500,
    exit: EXIT.failed,
  }),
  'tree/pack-unsupported': entry<{ readonly tree: string; readonly problem: string }>({
    message: (d) => `the pack of tree ${d.tree} cannot be read by this version: ${d.problem}`,
    hint: () => 'update this program first',
    http: 502,
    exit: EXIT.failed,
  }),
  'tree/mismatch': entry<{
    readonly tree: string;
    readonly what: string;
    readonly expected: string;
    readonly found: string;
  }>({
    message: (d) => `the pack is not tree ${d.tree}: ${d.what} should be ${d.expected}, is ${d.found}`,
    hint: () =>
      'nothing of it was kept; if it comes back, the server or a mirror sends something else than was signed',
    http: 502,
    exit: EXIT.untrusted,
  }),
} as const;
