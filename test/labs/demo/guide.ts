// What the demo says around its story: what is going to happen, and how to look around afterwards.
import type { Edition } from './applications.ts';
import { EXPORTS, PASSPHRASE, programDirectory, type Stage } from './stage.ts';
import { quote } from './terminal.ts';

export function formatIntroduction(directory: string, { about }: Edition): string {
  return [
    "Fairlead's whole job on this machine, over loopback only. A vendor publishes six releases of two",
    'products; an agent deploys them, stays frozen, is forced through a critical patch, and rolls back',
    'a release that fails while the server is away.',
    about,
    `Everything is written below ${directory}; Ctrl-C ends it all.`,
  ].join('\n');
}

/** The commands that bring the demo's programs back, for a directory that stays. */
export function formatLookAround({ directory, ports, edition }: Stage): string {
  return [
    'Everything has ended. To look around, in a shell of its own:',
    `  cd ${quote(directory)}`,
    `  export PATH=${quote(programDirectory())}:"$PATH"`,
    `  ${exportLine('"$PWD"')}`,
    `  fairlead-server run --dir server --port ${ports.server} > logs/server.log 2>&1 &`,
    `  fairlead agent run --soak ${edition.soak} > logs/agent.log 2>&1 &`,
    '  sleep 3; fairlead status; fairlead changes; fairlead change 6',
    '  fairlead-vendor status; fairlead-vendor trace CHG-6',
    'The next demo in this directory ends what runs there, and starts afresh.',
  ].join('\n');
}

export function exportLine(directory: string): string {
  const paths = Object.entries(EXPORTS).map(([name, below]) => `${name}=${directory}/${below}`);
  return `export ${paths.join(' ')} FAIRLEAD_PASSPHRASE=${quote(PASSPHRASE)}`;
}
