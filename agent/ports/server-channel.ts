// The one thing the agent tells the server: a report, signed with the instance's own key.
import type { Report } from '../../shared/protocol/report.ts';

export interface ServerChannel {
  /** Resolves with the highest sequence the server now holds on disk. Errors: transport/*, enrolment/identity-lost. */
  send(report: Report): Promise<number>;
  /** Why nothing can be sent from here, until a person has mended it; null where it can. */
  damage(): Promise<string | null>;
}
