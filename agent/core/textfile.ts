// This install in numbers for node_exporter's textfile collector: verdict, exposure, freshness, versions, what waits.
import { instantMs } from '../../shared/encoding/instant.ts';
import type { StatusReply } from '../../shared/protocol/admin.ts';
import { decision } from '../../shared/schema/decision.ts';

const VERDICTS = decision.shape.verdict.options;
const SEVERITIES = ['low', 'medium', 'high', 'critical'];

type Series = readonly [labels: Readonly<Record<string, string>>, value: number];

/** As Prometheus reads it; each name once, with all its series. */
export function renderTextfile(status: StatusReply): string {
  return [...decidedOf(status), ...standingOf(status)].join('');
}

function decidedOf({ decision: decided, freshness, contact }: StatusReply): readonly string[] {
  const exposed = (severity: string) => decided.exposed.filter((one) => one.severity === severity).length;
  const ends = freshness.expires === null ? [] : [[{}, instantMs(freshness.expires) / 1_000] as const];
  return [
    metric(
      'fairlead_verdict',
      '1 for what the agent decided last',
      VERDICTS.map((verdict) => [{ verdict }, decided.verdict === verdict ? 1 : 0]),
    ),
    metric(
      'fairlead_exposed',
      'Components here that an advisory affects, by its severity',
      SEVERITIES.map((severity) => [{ severity }, exposed(severity)]),
    ),
    metric(
      'fairlead_metadata_expires_timestamp_seconds',
      'Until when what the vendor signed counts; nothing new is installed afterwards',
      ends,
    ),
    metric('fairlead_server_reached', '1 where the last question to the server was answered', [
      [{}, contact === null || contact.outcome === 'failed' ? 0 : 1],
    ]),
  ];
}

function standingOf({ components, alarms, proposals = 0, ...status }: StatusReply): readonly string[] {
  return [
    metric(
      'fairlead_component_healthy',
      'Components that run here, by their version: 1 healthy, 0 not',
      components.map(({ component, version, health }) => [
        { component, version },
        health === 'healthy' ? 1 : 0,
      ]),
    ),
    metric('fairlead_alarms', 'What needs a person', [[{}, alarms.length]]),
    metric('fairlead_proposals_waiting', 'What the vendor proposes and nobody has answered', [
      [{}, proposals],
    ]),
    metric('fairlead_agent_info', 'The agent’s own version', [[{ version: status.agentVersion }, 1]]),
    metric('fairlead_status_timestamp_seconds', 'When this was written', [
      [{}, instantMs(status.at) / 1_000],
    ]),
  ];
}

function metric(name: string, help: string, series: readonly Series[]): string {
  if (series.length === 0) return '';
  const lines = series.map(([labels, value]) => `${name}${labelsOf(labels)} ${value}`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('\n')}\n`;
}

function labelsOf(labels: Series[0]): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
