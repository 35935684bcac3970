// The steps that lead any older database to the tables of today; a step that was released never changes.

import { addAdvisoryRevisions } from './advisory-revisions.ts';
import { addAnalytics } from './analytics.ts';
import { addBackupMarks } from './backup-marks.ts';
import { addCauses, addCustomers, addVoices, createFleet, orderLists } from './early-steps.ts';
import { addEvents } from './events.ts';
import { addSamples } from './fleet-samples.ts';
import { addBlockers, addGlance } from './fleet-summary.ts';
import { addGuard } from './guard-halts.ts';
import { addReportDigest } from './heartbeats.ts';
import { createJobs } from './jobs.ts';
import { addLedgerHeads } from './ledger-kept.ts';
import { addOutbox, addTallies } from './outbox-migration.ts';
import { addPassKeys } from './pass-keys.ts';
import { addProposals } from './proposal-migration.ts';
import { createPublishing } from './publishing.ts';
import { addRoomForReports } from './report-rows.ts';
import { addFacts, addGoneFrom, addReported } from './reported-migration.ts';
import { addRunningVersions } from './running-versions.ts';
import { addSessions } from './sessions.ts';
import { addSpans } from './spans.ts';
import { addStanding } from './standing.ts';
import type { Steps } from './steps.ts';

export const MIGRATIONS: Steps = {
  '0001-fleet': { up: createFleet },
  '0002-reported': { up: addReported },
  '0003-voices': { up: addVoices },
  '0004-failure-codes': { up: addCauses },
  '0005-publishing': { up: createPublishing },
  '0006-proposals': { up: addProposals },
  '0007-customers': { up: addCustomers },
  '0008-lists': { up: orderLists },
  '0012-sessions': { up: addSessions },
  '0013-jobs': { up: createJobs },
  '0014-standing': { up: addStanding },
  '0015-blockers': { up: addBlockers },
  '0016-running': { up: addRunningVersions },
  '0017-events': { up: addEvents },
  '0018-pass-keys': { up: addPassKeys },
  '0019-report-digest': { up: addReportDigest },
  '0019-glance': { up: addGlance },
  '0020-room': { up: addRoomForReports },
  '0021-facts': { up: addFacts, leaves: '0020-room' },
  '0022-guard': { up: addGuard, leaves: '0020-room' },
  '0023-outbox': { up: addOutbox, leaves: '0020-room' },
  '0023-tallies': { up: addTallies, leaves: '0020-room' },
  '0024-backups': { up: addBackupMarks, leaves: '0020-room' },
  '0025-analytics': { up: addAnalytics, leaves: '0020-room' },
  '0025-samples': { up: addSamples, leaves: '0020-room' },
  '0026-gone-from': { up: addGoneFrom, leaves: '0020-room' },
  '0029-ledger': { up: addLedgerHeads, leaves: '0020-room' },
  '0030-spans': { up: addSpans, leaves: '0020-room' },
  '0031-advisories': { up: addAdvisoryRevisions, leaves: '0020-room' },
};
