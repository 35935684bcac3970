// Errors of services, and of what runs them for us: systemd, a container engine.
import { EXIT, entry } from './entry.ts';

export const SERVICE_ERRORS = {
  'service/no-log': entry<{ readonly component: string }>({
    message: (d) => `${d.component} is not among what this install runs, and left no log`,
    hint: () => 'see what it runs: fairlead status',
    http: 404,
    exit: EXIT.usage,
  }),
  'service/no-room': entry<{ readonly component: string; readonly problem: string }>({
    message: (d) => `this machine had no descriptor, process or memory left for ${d.component}: ${d.problem}`,
    hint: () =>
      'look at the limits of processes, open files and memory (systemctl show fairlead-agent); the release is not blamed',
    http: 503,
    exit: EXIT.failed,
  }),
  'service/manager-failed': entry<{ readonly manager: string; readonly problem: string }>({
    message: (d) => `${d.manager} did not do what was asked: ${d.problem}`,
    hint: (d) => `check that ${d.manager} runs, and that the agent's account may use it`,
    http: 503,
    exit: EXIT.failed,
  }),
} as const;
