// Errors of the agent around a deployment: enrolment, the network, the local disk, the admin socket.
import { EXIT, entry } from './entry.ts';

export const AGENT_ERRORS = {
  'enrolment/invalid': entry<{ readonly problem: string }>({
    message: (d) => `the enrolment string cannot be used: ${d.problem}`,
    hint: () => 'copy the whole string the vendor sent, or ask for a new one',
    http: 400,
    exit: EXIT.usage,
  }),
  'transport/unreachable': entry<{ readonly url: string; readonly problem: string }>({
    message: (d) => `cannot reach ${d.url}: ${d.problem}`,
    hint: () => 'check the network, the proxy and the server; the agent tries again by itself',
    http: 502,
    exit: EXIT.unreachable,
  }),
  'transport/refused': entry<{ readonly url: string; readonly status: number; readonly problem: string }>({
    message: (d) => `${d.url} answered ${d.status}: ${d.problem}`,
    hint: () => 'see the server log for this request',
    http: 502,
    exit: EXIT.failed,
  }),
  'transport/too-large': entry<{ readonly url: string; readonly limit: number }>({
    message: (d) => `${d.url} sent more than the ${d.limit} bytes allowed`,
    hint: () => 'the server or a proxy sends something else than was signed; nothing of it was kept',
    http: 502,
    exit: EXIT.untrusted,
  }),
  'disk/full': entry<{ readonly path: string; readonly needed: number; readonly free: number }>({
    message: (d) => `not enough space for ${d.path}: ${d.needed} bytes needed, ${d.free} free`,
    hint: () => 'free some space; nothing was changed',
    http: 507,
    exit: EXIT.failed,
  }),
  'disk/failed': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `cannot write ${d.path}: ${d.problem}`,
    hint: () => 'check the disk, its permissions and whether it is mounted read-only',
    http: 500,
    exit: EXIT.failed,
  }),
} as const;
