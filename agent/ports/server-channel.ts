// The one thing the agent tells the server: a report, signed with the instance's own key.
import type { Report } from '../../shared/protocol/report.ts';

export interface ServerChannel {
  /** Resolves when the server has the report on disk. Errors: transport/*. */
  send(report: Report): Promise<void>;
}
