// Errors of tree.

export const TREE_ERRORS = {} as const;
