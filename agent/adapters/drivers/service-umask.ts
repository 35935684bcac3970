// The file mode mask of a release's programs: the one they were written for, not the agent's own.

const USUAL = 0o022;

/**
 * `start` must spawn before it returns. The mask is the whole process's, so for that moment it is the agent's too: what the
 * agent keeps to itself is created with its mode by name.
 */
export function withServiceUmask<Child>(start: () => Child): Child {
  const own = process.umask(USUAL);
  try {
    return start();
  } finally {
    process.umask(own);
  }
}
