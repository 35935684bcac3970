// The environment of the machine's own tools: `docker`, `systemctl`, `id` and the like.

/**
 * What a tool of the machine gets: the agent's own PATH, by which it is found too, and its messages in English. Never
 * anything of a release: what finds programs or loads code would be run with the agent's rights.
 */
export function toolEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...more };
}
