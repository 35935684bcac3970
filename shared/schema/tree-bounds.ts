// What a tree may hold at most, for its release and its index alike: also the bounds of a download, and of the disk that is asked for it.

export const MAX_TREE_ENTRIES = 200_000;
export const MAX_TREE_BYTES = 2 ** 36;
