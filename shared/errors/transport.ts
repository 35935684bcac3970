// Errors of transport: a server that cannot be reached, refuses, or is not the one that answered.
import { EXIT, entry } from './entry.ts';

export const TRANSPORT_ERRORS = {
  'transport/unreachable': entry<{ readonly url: string; readonly problem: string }>({
    message: (d) => `cannot reach ${d.url}: ${d.problem}`,
    hint: () => 'check the network, the proxy and the server; the agent tries again by itself',
    http: 502,
    exit: EXIT.unreachable,
  }),
  'transport/network-invalid': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `${d.path} does not say how the server is reached: ${d.problem}`,
    hint: () =>
      'mend the file, or forget what it says and say it anew: fairlead agent network --clear --proxy-file FILE',
    http: 502,
    exit: EXIT.unreachable,
  }),
  'transport/proxy-refused': entry<{ readonly url: string }>({
    message: (d) =>
      `the proxy before ${d.url} asks for a name and a password, and was given none that it takes`,
    hint: () =>
      'write http://NAME:PASSWORD@HOST:PORT into a file of root’s: fairlead agent network --proxy-file FILE',
    http: 502,
    exit: EXIT.unreachable,
  }),
  'transport/proxy-invalid': entry<{ readonly variable: string; readonly problem: string }>({
    message: (d) => `the proxy in ${d.variable} cannot be used: ${d.problem}`,
    hint: (d) => `set ${d.variable} to http://HOST:PORT where the program is started, or unset it`,
    http: 502,
    exit: EXIT.unreachable,
  }),
  'transport/refused': entry<{
    readonly url: string;
    readonly status: number;
    readonly problem: string;
    /** The server's own code, where it said one. */
    readonly said?: string;
    /** From the answer's Retry-After, as sent: who waits must cap it. */
    readonly retryAfterSeconds?: number;
  }>({
    message: (d) => `${d.url} answered ${d.status}: ${d.problem}`,
    hint: (d) =>
      d.status >= 300 && d.status < 400
        ? 'the server has to answer under its own address, without a redirect: tell the vendor, or whoever runs the proxy'
        : 'the vendor finds this request in the log of the release server; the agent tries again by itself',
    http: 502,
    exit: EXIT.failed,
  }),
  'transport/intercepted': entry<{ readonly url: string; readonly problem: string }>({
    message: (d) => `this is not the answer of ${d.url}: ${d.problem}`,
    hint: () =>
      'log in to the network, or tell the proxy to pass this server through unchanged; nothing of it was kept',
    http: 502,
    exit: EXIT.unreachable,
  }),
  'transport/too-large': entry<{ readonly url: string; readonly limit: number }>({
    message: (d) => `${d.url} sent more than the ${d.limit} bytes allowed`,
    hint: () => 'the server or a proxy sends something else than was signed; nothing of it was kept',
    http: 502,
    exit: EXIT.untrusted,
  }),
};
