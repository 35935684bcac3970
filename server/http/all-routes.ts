// Every route of the server: what the program mounts, and what OpenAPI and the reference page are made from.
import type { Page, Route } from './route.ts';
import { ALERT_ROUTES } from './routes/alerts.ts';
import { ANALYTICS_ROUTES } from './routes/analytics.ts';
import { COMPLIANCE_ROUTES } from './routes/compliance.ts';
import { CUSTOMER_ROUTES } from './routes/customers.ts';
import { DELIVERY_ROUTES } from './routes/deliveries.ts';
import { DEPLOYMENT_ROUTES } from './routes/deployments.ts';
import { describeRoutes } from './routes/description.ts';
import { ENROLMENT_ROUTES } from './routes/enrolments.ts';
import { EVENT_ROUTES } from './routes/events.ts';
import { FLEET_ROUTES } from './routes/fleet.ts';
import { SUMMARY_ROUTES } from './routes/fleet-summary.ts';
import { FRONT_PAGES } from './routes/front.ts';
import { GROUP_ROUTES } from './routes/groups.ts';
import { HISTORY_ROUTES } from './routes/history.ts';
import { INSTANCE_ROUTES } from './routes/instances.ts';
import { JOB_ROUTES } from './routes/jobs.ts';
import { OPERATION_ROUTES } from './routes/operations.ts';
import { POLICY_ROUTES } from './routes/policies.ts';
import { PROPOSAL_ROUTES } from './routes/proposals.ts';
import { PUBLICATION_ROUTES } from './routes/publications.ts';
import { REPORT_ROUTES } from './routes/reports.ts';
import { REPOSITORY_ROUTES } from './routes/repository.ts';
import { ROLLOUT_ROUTES } from './routes/rollouts.ts';
import { SECURITY_ROUTES } from './routes/security.ts';
import { SIGN_IN_PAGES, SIGN_IN_ROUTES } from './routes/sign-in.ts';
import { SUBSCRIBE_ROUTES } from './routes/subscribe.ts';
import { TOKEN_ROUTES } from './routes/tokens.ts';
import { VERSION_ROUTES } from './routes/versions.ts';
import { WEBHOOK_ROUTES } from './routes/webhooks.ts';

export const ROUTES: readonly Route[] = describeRoutes([
  ...OPERATION_ROUTES,
  ...REPOSITORY_ROUTES,
  ...ENROLMENT_ROUTES,
  ...REPORT_ROUTES,
  ...SUBSCRIBE_ROUTES,
  ...PUBLICATION_ROUTES,
  ...FLEET_ROUTES,
  ...SUMMARY_ROUTES,
  ...ANALYTICS_ROUTES,
  ...COMPLIANCE_ROUTES,
  ...EVENT_ROUTES,
  ...INSTANCE_ROUTES,
  ...DEPLOYMENT_ROUTES,
  ...VERSION_ROUTES,
  ...PROPOSAL_ROUTES,
  ...POLICY_ROUTES,
  ...GROUP_ROUTES,
  ...SECURITY_ROUTES,
  ...ROLLOUT_ROUTES,
  ...HISTORY_ROUTES,
  ...CUSTOMER_ROUTES,
  ...TOKEN_ROUTES,
  ...SIGN_IN_ROUTES,
  ...JOB_ROUTES,
  ...ALERT_ROUTES,
  ...WEBHOOK_ROUTES,
  ...DELIVERY_ROUTES,
]);

/** For people with a browser. */
export const PAGES: readonly Page[] = [...FRONT_PAGES, ...SIGN_IN_PAGES];
