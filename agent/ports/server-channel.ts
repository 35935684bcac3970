// The one thing the agent tells the server: a report, signed with the instance's own key.
import type { Report } from '../../shared/protocol/report.ts';

export interface ServerChannel {
  /** Resolves with the highest sequence the server now holds on disk. Errors: transport/*. */
  send(report: Report): Promise<number>;
}
