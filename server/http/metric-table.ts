// Every number of the server's own that Prometheus reads: name, kind, what it says and by what it is told apart.
import { MOST_WATCHED } from '../repository/offers.ts';

export interface Metric {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Said anew each time that somebody asks: what is no longer there is no longer said. */
export type Watch = (name: MetricName, look: (say: Say) => Promise<void>) => void;
/** Labels in the order of the table. */
export type Say = (value: number, ...labels: readonly string[]) => void;

function metric(type: Metric['type'], help: string, ...labels: readonly string[]): Metric {
  return { type, help, labels };
}

/** Of each process. */
const PROCESS = {
  fairlead_http_request_duration_seconds: metric(
    'histogram',
    'Time from request to answer, by route',
    ...['method', 'route', 'status'],
  ),
  fairlead_reports_total: metric('counter', 'Reports of agents that were kept'),
} as const;

/** Of the repository, and of what the server writes to. */
const REPOSITORY = {
  fairlead_metadata_expires_timestamp_seconds: metric('gauge', 'When the metadata of a role expires', 'role'),
  fairlead_token_expires_timestamp_seconds: metric(
    'gauge',
    'When a token that is not revoked expires',
    'name',
  ),
  fairlead_halts_in_force: metric(
    'gauge',
    'Halts that stop a release now, by whom they are for: `all`, or installs of a `class`',
    'whom',
  ),
  fairlead_offers_unwatched: metric(
    'gauge',
    `Rollouts and emergency orders under way that the server does not judge, because there are more than ${MOST_WATCHED}`,
  ),
  fairlead_disk_free_bytes: metric(
    'gauge',
    'What may still be written to a disk of this server: of its `directory`, the `repository`, the `backups`, where they are apart',
    'disk',
  ),
  fairlead_disk_size_bytes: metric('gauge', 'How large that disk is', 'disk'),
} as const;

/** Of the fleet, the same whichever process is asked. */
const FLEET = {
  fairlead_instances: metric('gauge', 'Instances that are enrolled'),
  fairlead_instances_twinned: metric(
    'gauge',
    'Instances for which two agents spoke in turns within the last day',
  ),
  fairlead_instances_by_verdict: metric(
    'gauge',
    'Instances in service by what they last decided: current, apply, wait, ask, held, blocked',
    'verdict',
  ),
  fairlead_instances_heard: metric(
    'gauge',
    'Instances in service that were heard within so many seconds, the longer spans with the shorter ones',
    'within',
  ),
  fairlead_instances_unhealthy: metric('gauge', 'Instances in service on which something is unhealthy'),
  fairlead_policy_compliance_ratio: metric(
    'gauge',
    'Share of instances heard within a day that run what was deployed, by a policy that can be read, with no forced patch held back; 1 without any',
  ),
  fairlead_components_exposed: metric(
    'gauge',
    'Components on instances that an advisory affects, by its severity',
    'severity',
  ),
  fairlead_deployments_ended_total: metric(
    'counter',
    'Deployments that ended, by how and by why they began; `rolled-back` over all is how often one goes back',
    ...['outcome', 'reason'],
  ),
  fairlead_deployment_duration_seconds: metric(
    'histogram',
    'From the plan of a deployment to its end, by how it ended',
    'outcome',
  ),
} as const;

/** Of what the server does by itself. */
const JOBS = {
  fairlead_jobs_failing: metric(
    'gauge',
    'What the server does by itself and could not do: `failing` is tried again, `given-up` is not',
    ...['kind', 'state'],
  ),
  fairlead_job_overdue_seconds: metric('gauge', 'For how long the oldest job of a kind is due', 'kind'),
  fairlead_webhook_messages_waiting: metric('gauge', 'Messages that wait for a webhook', 'webhook'),
  fairlead_webhook_messages_dropped_total: metric(
    'counter',
    'Messages of a webhook that were given up, or for which there was no room',
    'webhook',
  ),
  fairlead_webhook_failing: metric(
    'gauge',
    '1 for a webhook at which nothing arrives, or which is disabled for it',
    'webhook',
  ),
} as const;

/** Of backups, where they are kept. */
const BACKUPS = {
  fairlead_backup_last_success_timestamp_seconds: metric('gauge', 'When the last whole backup was made'),
  fairlead_backup_duration_seconds: metric('gauge', 'How long the last backup took'),
  fairlead_backup_size_bytes: metric('gauge', 'What the last copy of the database takes, sealed'),
  fairlead_backup_failing: metric('gauge', '1 while backups fail'),
  fairlead_backup_log_behind: metric(
    'gauge',
    'Entries of the audit log that are not at the place of the backups yet',
  ),
  fairlead_backup_archive_age_seconds: metric(
    'gauge',
    'For how long PostgreSQL has archived nothing of its log, where it keeps an archive',
  ),
  fairlead_backup_drill_timestamp_seconds: metric('gauge', 'When a restore was tried last'),
  fairlead_backup_drill_failed: metric('gauge', '1 where the last try did not succeed'),
  fairlead_backup_drill_rpo_seconds: metric('gauge', 'What the last drill would have lost, in time'),
  fairlead_backup_drill_rto_seconds: metric(
    'gauge',
    'How long the last drill took until the restored server was proved',
  ),
} as const;

export const METRICS = {
  'Of the process that is asked': PROCESS,
  'Of the repository': REPOSITORY,
  'Of the fleet': FLEET,
  'Of what the server does by itself': JOBS,
  'Of backups, where they are kept': BACKUPS,
} as const;

type Named = typeof PROCESS & typeof REPOSITORY & typeof FLEET & typeof JOBS & typeof BACKUPS;
export type MetricName = keyof Named;

export const METRICS_BY_NAME: Readonly<Record<MetricName, Metric>> = {
  ...PROCESS,
  ...REPOSITORY,
  ...FLEET,
  ...JOBS,
  ...BACKUPS,
};

/** All numbers are asked for at once: who asks while it is being read hears the same. */
export function together<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | null = null;
  return () => {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
}

/** Documents never change under their digest: each is read once, while it is asked for. */
export function onceByDigest<Ref extends { readonly sha256: string }, Value>(
  read: (ref: Ref) => Promise<Value>,
): (refs: readonly Ref[]) => Promise<readonly Value[]> {
  let known: ReadonlyMap<string, Value> = new Map();
  return async (refs) => {
    const found = new Map<string, Value>();
    for (const ref of refs) found.set(ref.sha256, known.get(ref.sha256) ?? (await read(ref)));
    known = found;
    return [...found.values()];
  };
}
