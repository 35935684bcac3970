// Errors of services, and of what runs them for us: systemd, a container engine.
import { EXIT, entry } from './entry.ts';

export const SERVICE_ERRORS = {
  'service/start-failed': entry<{ readonly component: string; readonly problem: string }>({
    message: (d) => `${d.component} cannot be started: ${d.problem}`,
    hint: () => 'check that its program and account exist on this machine',
    http: 500,
    exit: EXIT.failed,
  }),
  'service/no-program': entry<{ readonly program: string; readonly where: string }>({
    message: (d) => `the program "${d.program}" is not there, or may not be run: looked in ${d.where}`,
    hint: () => 'install it on this machine, or ask the vendor which packages the release needs',
    http: 409,
    exit: EXIT.failed,
  }),
  'service/not-runnable': entry<{ readonly program: string; readonly problem: string }>({
    message: (d) => `the program "${d.program}" would not start: ${d.problem}`,
    hint: () => 'install what it needs on this machine, or ask the vendor for a release that fits it',
    http: 409,
    exit: EXIT.failed,
  }),
  'service/no-traffic': entry<{ readonly component: string; readonly address: string }>({
    message: (d) => `the traffic of ${d.component} cannot be taken in on ${d.address}`,
    hint: () => 'see what else listens there, or choose another public port in the instance configuration',
    http: 409,
    exit: EXIT.failed,
  }),
  'service/stuck': entry<{ readonly component: string }>({
    message: (d) => `${d.component} still runs after KILL of all its processes`,
    hint: () => 'a process that cannot be killed waits for a device: look for state D in ps',
    http: 500,
    exit: EXIT.failed,
  }),
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
  'service/volumes-unmounted': entry<{ readonly component: string; readonly volumes: string }>({
    message: (d) =>
      `no copy is made of these volumes of ${d.component}, which nothing that it starts mounts: ${d.volumes}`,
    hint: () =>
      'they stay as they are, also on the way back; where your own override takes them away, mount them there again',
    http: 409,
    exit: EXIT.failed,
  }),
  'service/driver-disabled': entry<{
    readonly component: string;
    readonly driver: string;
    readonly enabled: string;
  }>({
    message: (d) =>
      `${d.component} is run by the driver ${d.driver}, and the agent was installed for ${d.enabled} alone`,
    hint: (d) => `fairlead agent install --drivers ${d.enabled},${d.driver}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'service/no-slots': entry<{ readonly component: string }>({
    message: (d) =>
      `${d.component} is the agent itself, and this one was not started from its slots: there would be no way back`,
    hint: () => 'as root, with the executable and under systemd: fairlead agent install',
    http: 409,
    exit: EXIT.refused,
  }),
  'service/other-agent': entry<{ readonly component: string; readonly other: string }>({
    message: (d) => `${d.component} would become the agent, and here the agent is ${d.other}`,
    hint: (d) => `enable one of the two in the instance configuration: there is one agent, ${d.other} so far`,
    http: 409,
    exit: EXIT.refused,
  }),
  'service/slot-damaged': entry<{ readonly component: string; readonly problem: string }>({
    message: (d) => `the slot of ${d.component} cannot be started from: ${d.problem}`,
    hint: () => 'look for what writes to it and for errors of the disk; the next update fills the slot anew',
    http: 500,
    exit: EXIT.failed,
  }),
  'service/agent-cut-off': entry<{ readonly component: string; readonly seconds: number }>({
    message: (d) =>
      `the new agent (${d.component}) did not reach the server within ${d.seconds} s, which the one before it had reached`,
    hint: () => 'if the server was away, nothing: it is tried again; else see the log: fairlead change',
    http: 503,
    exit: EXIT.failed,
  }),
  'service/agent-on-trial': entry<object>({
    message: () => 'a new agent is on trial, and has neither proved itself nor gone back',
    hint: () => 'wait for its end, some minutes: fairlead status',
    http: 409,
    exit: EXIT.refused,
  }),
  'service/deployment-under-way': entry<{ readonly change: number; readonly state: string }>({
    message: (d) =>
      `change ${d.change} is under way (${d.state}): without its agent nobody would finish it, or take it back`,
    hint: (d) =>
      `wait for its end: fairlead change ${d.change}; where its agent never comes up: systemctl stop fairlead-agent.service`,
    http: 409,
    exit: EXIT.refused,
  }),
  'service/no-systemd': entry<{ readonly command: string }>({
    message: () => 'no systemd runs on this machine, so nothing can be made its service',
    hint: (d) => `have what starts programs here run, as root and again when it ends: ${d.command}`,
    http: 503,
    exit: EXIT.refused,
  }),
  'service/needs-root': entry<Record<never, never>>({
    message: () => 'only root makes services of this machine',
    hint: () =>
      'type the same command after sudo; with --dry-run it shows what it would do, and takes no root',
    http: 403,
    exit: EXIT.refused,
  }),
  'service/unsafe-path': entry<{ readonly path: string; readonly problem: string; readonly fix: string }>({
    message: (d) => `${d.path} is not safe for what runs as root: ${d.problem}`,
    hint: (d) => `${d.fix}   (or put it elsewhere, such as /usr/local/bin); nothing was changed`,
    http: 403,
    exit: EXIT.refused,
  }),
  'service/not-up': entry<{ readonly unit: string; readonly state: string; readonly said: string }>({
    message: (d) =>
      `${d.unit} was installed and does not answer (${d.state})${d.said === '' ? '' : `: ${d.said}`}`,
    hint: (d) => `see its log: journalctl -u ${d.unit} -n 50; the manager goes on trying`,
    http: 503,
    exit: EXIT.failed,
  }),
} as const;
