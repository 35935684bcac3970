// What a release's own programs try while they run: one table for every driver, in the words of a shell.

export interface Ground {
  /** Root's, like everything in it that is not the service's. */
  readonly stateDir: string;
  /** The service's tree; `evil` in it holds programs named as the machine's tools are. */
  readonly tree: string;
  /** Open to everybody: whoever runs what the release brought leaves a file of his own here. */
  readonly traces: string;
}

export interface Attack {
  readonly name: string;
  /** Run by the service, and again by a command probe where that has none of its own. `$AGENT` is the agent's process. */
  readonly script: string;
  readonly probe?: string;
  readonly env?: (ground: Ground) => Readonly<Record<string, string>>;
}

/** Stands in everything that only root may read. */
export const CANARY = 'only-for-root';

export const TOOLS = ['id', 'setpriv', 'test', 'sh', 'env', 'systemctl', 'journalctl', 'docker'];

export const ATTACKS: readonly Attack[] = [
  {
    name: 'puts programs of its own before the machine’s',
    script: 'id; test -e /',
    env: ({ tree }) => ({ PATH: `${tree}/evil:/usr/bin:/bin` }),
  },
  {
    name: 'has code loaded into whatever gets its environment',
    script: 'id; sh -c :',
    env: ({ tree, traces }) => ({
      LD_DEBUG: 'files',
      LD_DEBUG_OUTPUT: `${traces}/loaded`,
      LD_PRELOAD: `${tree}/evil.so`,
      LD_AUDIT: `${tree}/evil.so`,
      GCONV_PATH: `${tree}/evil`,
      NODE_OPTIONS: `--require=${tree}/evil.cjs`,
      BASH_ENV: `${tree}/evil/id`,
      ENV: `${tree}/evil/id`,
      IFS: '/',
      PS4: `$(${tree}/evil/id)`,
      SHELLOPTS: 'xtrace',
    }),
  },
  {
    name: 'reads what is not its own',
    script:
      'cat /etc/shadow "$STATE/secret" "$STATE"/run/* "$STATE"/run/*/* "$STATE"/logs/*; ls -R "$STATE"; cat /proc/"$AGENT"/environ /proc/"$AGENT"/mem /proc/"$AGENT"/fd/*',
  },
  {
    name: 'reads every environment while the agent works',
    script: 'for _ in 1 2 3; do cat /proc/[0-9]*/environ; done',
  },
  {
    name: 'writes beyond its data',
    script:
      'for d in / /etc /usr/bin /run "$STATE" "$STATE"/* "$STATE"/data/core . ..; do echo x > "$d/taken"; mkfifo "$d/taken.pipe"; ln -s /etc/passwd "$d/taken.link"; done; echo x >> serve',
  },
  {
    name: 'puts links where the agent looks next',
    script:
      'for f in "$STATE"/run/*.json "$STATE"/run/*.env "$STATE"/run/command/* "$STATE"/logs/*.log "$HOME" "$PWD"; do mv "$f" "$f.taken"; rm -f "$f"; ln -sfn /etc "$f"; done; ln -s /etc/shadow "$HOME/link"; mkfifo "$HOME/pipe"',
  },
  {
    name: 'becomes root',
    script:
      'cp /bin/sh "$HOME/sh"; chmod 6755 "$HOME/sh"; "$HOME/sh" -p -c ": > $TRACES/setuid"; for c in "su -c" "setpriv --reuid=0 --clear-groups sh -c" "chroot / sh -c"; do $c ": > $TRACES/root" </dev/null; done; systemctl --no-ask-password restart systemd-journald; mount --bind /tmp /etc',
  },
  {
    name: 'signals whatever it finds',
    script:
      'for s in TERM INT HUP USR1 KILL; do kill -$s "$AGENT" "-$AGENT" 1; done; for p in /proc/[0-9]*; do [ "${p#/proc/}" = $$ ] || kill -KILL "${p#/proc/}"; done',
  },
  {
    name: 'leaves programs in sessions of their own',
    script: 'setsid sh -c "setsid sleep 4711 & sleep 4711" & setsid sleep 4711 & sleep 4711 &',
    // What a probe leaves in its own group ends with it.
    probe: 'sleep 4711 & sleep 4711 &',
  },
  {
    name: 'writes escapes and never stops',
    script: "printf '\\033]0;taken\\007\\033[2J\\342\\200\\256\\233\\r'; yes taken | head -c 20000000",
  },
  {
    name: 'cuts, grows and reopens its own log',
    script: 'truncate -s 1T /dev/stdout; echo x > /proc/self/fd/1; exec 1>&- 2>&-',
  },
];
