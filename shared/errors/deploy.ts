// Errors of a deployment: what keeps it from starting, what makes it fail, what keeps a rollback from its target.
import { count, EXIT, entry } from './entry.ts';

interface OfComponent {
  readonly component: string;
}

export const DEPLOY_ERRORS = {
  'deploy/busy': entry<{ readonly deployment: number }>({
    message: (d) => `deployment ${d.deployment} is still under way`,
    hint: (d) => `wait for it to end: fairlead change ${d.deployment}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/agent-stops': entry<object>({
    message: () => 'the agent is stopping: it begins nothing new',
    hint: () => 'ask again once it runs: fairlead status',
    http: 503,
    exit: EXIT.refused,
  }),
  'deploy/gave-way': entry<object>({
    message: () => 'it had touched nothing yet and gave way to a forced patch',
    hint: () => 'nothing to do: what is still wanted afterwards is offered again; see: fairlead explain',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/outdated': entry<{ readonly planned: string; readonly running: string }>({
    message: (d) => `the plan starts from ${d.planned}, but ${d.running} runs`,
    hint: () => 'make a new plan: fairlead plan',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/no-longer-allowed': entry<object>({
    message: () => 'the policy no longer allowed the deployment when it was about to begin',
    hint: () => 'see what changed: fairlead explain',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/tree-damaged': entry<{
    readonly component: string;
    readonly path: string;
    readonly problem: string;
  }>({
    message: (d) => `the files of ${d.component} are not what was released: ${d.path} is ${d.problem}`,
    hint: () =>
      'see every deviation: fairlead verify; what is changed again at once, the service writes itself: its vendor can declare it writable',
    http: 409,
    exit: EXIT.untrusted,
  }),
  'deploy/way-back-damaged': entry<{
    readonly component: string;
    readonly path: string;
    readonly problem: string;
    readonly because: string;
  }>({
    message: (d) =>
      `there would be no sound way back: in the files of ${d.component}, which run now, ${d.path} is ${d.problem}, and cannot be mended: ${d.because}`,
    hint: () =>
      'see every deviation: fairlead verify; or go on all the same: fairlead apply --accept-drift --reason "why"',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/way-back-unready': entry<{ readonly component: string; readonly problem: string }>({
    message: (d) =>
      `there would be no way back: ${d.component}, as it runs now, could not be started again: ${d.problem}`,
    hint: () => 'mend what is said; or go on all the same: fairlead apply --accept-drift --reason "why"',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/unhealthy-before': entry<OfComponent & { readonly detail: string }>({
    message: (d) => `${d.component} is unhealthy before the update: ${d.detail}`,
    hint: () => 'mend it first, or: fairlead apply --override health --reason "why"',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/address-taken': entry<OfComponent & { readonly address: string }>({
    message: (d) => `something already answers on ${d.address}, and it is not ${d.component}`,
    hint: () => 'stop what listens there, or change the port in the instance configuration',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/address-shared': entry<OfComponent & { readonly address: string; readonly neighbour: string }>({
    message: (d) => `${d.component} would be asked on ${d.address} from now on, where ${d.neighbour} answers`,
    hint: () => 'change the port of one of them: fairlead settings list',
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/unknown-variable': entry<OfComponent & { readonly field: string; readonly variable: string }>({
    message: (d) => `${d.component}: ${d.field} uses "\${${d.variable}}", which names nothing`,
    hint: () => 'use ${settings.NAME} of a declared setting, ${dir.tree} or ${dir.data}',
    http: 400,
    exit: EXIT.failed,
  }),
  'deploy/secret-in-command': entry<OfComponent & { readonly field: string; readonly setting: string }>({
    message: (d) =>
      `${d.component}: ${d.field} would show the secret setting "${d.setting}" to every account of the machine`,
    hint: (d) =>
      `give "${d.setting}" a value of its own that is no secret, or ask the vendor to hand it over in service.env`,
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/no-port': entry<OfComponent & { readonly setting: string }>({
    message: (d) =>
      `${d.component}: the setting "${d.setting}" must be a port that no other setting of it has`,
    hint: () => 'give the public port and both slots different ports in the instance configuration',
    http: 400,
    exit: EXIT.refused,
  }),
  'deploy/connections-cut': entry<OfComponent & { readonly connections: number }>({
    message: (d) =>
      `${d.component}: ${count(d.connections, 'connection was', 'connections were')} still open when the version they led to had to stop`,
    hint: () => 'a longer blueGreen.drain in its release gives them more time',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/hook-failed': entry<OfComponent & { readonly hook: string; readonly detail: string }>({
    message: (d) => `the ${d.hook} hook of ${d.component} failed: ${d.detail}`,
    hint: () => 'the detail is the last line the hook wrote; tell the vendor',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/no-snapshot': entry<OfComponent & { readonly problem: string }>({
    message: (d) => `the copy of the volumes of ${d.component} cannot be put back: ${d.problem}`,
    hint: () =>
      'its data would be those of the version that is left: bring them back from a backup of your own',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/unhealthy': entry<OfComponent & { readonly detail: string }>({
    message: (d) => `${d.component} did not become or stay healthy: ${d.detail}`,
    hint: () => 'its last log lines are kept with the deployment: fairlead changes',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/exited': entry<OfComponent & { readonly detail: string }>({
    message: (d) => `${d.component} stopped running: ${d.detail}`,
    hint: () => 'its last log lines are kept with the deployment: fairlead changes',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/smoke-failed': entry<OfComponent & { readonly detail: string }>({
    message: (d) => `a smoke test of ${d.component} failed: ${d.detail}`,
    hint: () => 'the detail is the last line the test wrote; tell the vendor',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/irreversible': entry<OfComponent & { readonly version: string }>({
    message: (d) =>
      `${d.component} ${d.version} failed after it had started and may not be left for an older version`,
    hint: () => 'the new version keeps being started; restore a backup or ask the vendor for a fixed release',
    http: 409,
    exit: EXIT.failed,
  }),
  'deploy/interrupted': entry<{ readonly state: string }>({
    message: (d) => `the agent or the machine stopped during ${d.state}`,
    hint: () => 'nothing to do; when it happens again, look at the system log of that time',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/went-down': entry<{ readonly state: string }>({
    message: (d) => `the agent or the machine went down at every attempt, at last during ${d.state}`,
    hint: () => 'look at the system log of that time; where nobody cut the power, tell the vendor',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/endless': entry<{ readonly entries: number }>({
    message: (d) => `the deployment has not ended after ${d.entries} journal entries`,
    hint: () => 'look at the service logs, then: fairlead rollback',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/journal-damaged': entry<object>({
    message: () => 'the journal of the deployment is damaged',
    hint: () => 'check the disk; the damaged journal is kept beside the new one',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/current-lost': entry<{ readonly generation: number }>({
    message: (d) =>
      `the link to what runs was missing or no link; by the records it named generation ${d.generation}`,
    hint: () => 'see what runs: fairlead status',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/quarantine-damaged': entry<{ readonly problem: string }>({
    message: (d) => `what failed here before cannot be read: ${d.problem}`,
    hint: () => 'ordinary updates wait; see what is left of it, then remove what was set aside',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/generation-lost': entry<object>({
    message: () => 'a generation of the interrupted deployment is no longer complete on disk',
    hint: () => 'check the disk, then: fairlead verify',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/generation-damaged': entry<{ readonly generation: number }>({
    message: (d) => `generation ${d.generation}, which runs, cannot be read from disk`,
    hint: () => 'check the disk and restore the state directory from a backup; what runs is left alone',
    http: 500,
    exit: EXIT.failed,
  }),
  'deploy/quarantined': entry<{ readonly target: string; readonly record: number }>({
    message: (d) => `the deployment ${d.target} failed here twice and is not tried again by itself`,
    hint: (d) => `see why: fairlead change ${d.record}`,
    http: 409,
    exit: EXIT.refused,
  }),
  'deploy/unexpected': entry<{ readonly problem: string }>({
    message: (d) => `an unexpected problem: ${d.problem}`,
    hint: () => 'look at the agent log',
    http: 500,
    exit: EXIT.failed,
  }),
  'setting/unreadable': entry<{ readonly kind: string; readonly name: string; readonly problem: string }>({
    message: (d) => `the configuration refers to \${${d.kind}:${d.name}}, which cannot be read: ${d.problem}`,
    hint: () => 'set the variable for the agent, or make the file readable to it',
    http: 409,
    exit: EXIT.failed,
  }),
  'rollback/no-target': entry<{ readonly wanted: string; readonly available: string }>({
    message: (d) =>
      `cannot roll back to ${d.wanted}; healthy generations before the current one: ${d.available}`,
    hint: (d) =>
      /^none/.test(d.available)
        ? 'nothing was changed; see what ran here: fairlead changes'
        : 'choose one of those: fairlead rollback --to N',
    http: 409,
    exit: EXIT.refused,
  }),
  'rollback/not-reversible': entry<OfComponent & { readonly version: string }>({
    message: (d) => `${d.component} ${d.version} may not be left for an older version`,
    hint: () => 'restore a backup, or ask the vendor for a fixed release',
    http: 409,
    exit: EXIT.refused,
  }),
  'rollback/way-unknown': entry<OfComponent & { readonly version: string }>({
    message: (d) =>
      `what leads ${d.component} back to ${d.version} is not known: no record tells which data it had before`,
    hint: () => 'restore a backup, or stay with what runs',
    http: 409,
    exit: EXIT.refused,
  }),
} as const;
