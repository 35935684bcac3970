// The words of a unit file, and the lines that confine a program of ours which starts no services of its own.

/**
 * A word of systemd.syntax(7) in quotes: `"`, `\` and control characters as C escapes, `%` doubled. `$` stays: the
 * `:` before the command turns expansion off.
 */
export function quote(word: string): string {
  const escaped = word.replace(/["\\\u0001-\u001f\u007f]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, '0');
    return character === '"' || character === '\\' ? `\\${character}` : `\\x${code}`;
  });
  return `"${escapeSpecifiers(escaped)}"`;
}

/**
 * The words of a unit's command as `quote` wrote them; null where it has none, or a hand has written it anew. A
 * specifier (`%d`) stays as it is, and a doubled `%` doubled: `withoutSpecifiers` takes that from a word.
 */
export function startWords(unit: string): readonly string[] | null {
  const line = /^ExecStart=:("(?:[^"\\]|\\.)*"(?: "(?:[^"\\]|\\.)*")*)$/m.exec(unit)?.[1];
  if (line === undefined) return null;
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = '']) =>
    word.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, code: string | undefined, character: string) =>
      code === undefined ? character : String.fromCharCode(Number.parseInt(code, 16)),
    ),
  );
}

export function withoutSpecifiers(word: string): string {
  return word.replaceAll('%%', '%');
}

/** `%` would begin a specifier. */
export function escapeSpecifiers(text: string): string {
  return text.replaceAll('%', '%%');
}

/** Paths stand unquoted in some settings and may not end the line; in a program's path systemd refuses quotes as well. */
export function isPlainPath(path: string): boolean {
  return !/["'\\\p{Cc}]|\s$/u.test(path);
}

export interface Confinement {
  /** Absolute paths that it writes; one that begins with `-` need not be there. */
  readonly writable: readonly string[];
  /** What it is made of: where that lies in a home or in /tmp, it stays visible. */
  readonly reads: readonly string[];
}

/**
 * One line, one reason, in docs/guide/hardening.md. V8 makes code as it runs, so memory may be both written and run; it asks
 * for protection keys too, and dies where that is a signal in place of an error.
 */
export function confine({ writable, reads }: Confinement): string {
  const paths = [...writable, ...reads];
  return `NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${writable.map(quote).join(' ')}
ProtectHome=${paths.some((path) => /^-?\/(?:home|root|run\/user)(?:\/|$)/.test(path)) ? 'read-only' : 'yes'}
PrivateTmp=${paths.some((path) => /^-?\/(?:var\/)?tmp(?:\/|$)/.test(path)) ? 'no' : 'yes'}
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@resources
SystemCallErrorNumber=EPERM
`;
}
