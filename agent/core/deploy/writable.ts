// What below a tree is the service's own: the paths its release declared writable, and everything under them.

export function isWritable(path: string, writable: readonly string[]): boolean {
  return writable.some((own) => path === own || path.startsWith(`${own}/`));
}
