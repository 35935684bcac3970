// The parts of undici that the agent uses; its index also loads fetch, WebSocket, mocks and caches, which weigh more than they.

/** The dispatchers, with the methods that the index gives them. Late: the first request may be long after the start. */
export async function loadUndici() {
  const [dispatcher, api, agent, proxyAgent] = await Promise.all([
    import('undici/lib/dispatcher/dispatcher.js'),
    import('undici/lib/api/index.js'),
    import('undici/lib/dispatcher/agent.js'),
    import('undici/lib/dispatcher/env-http-proxy-agent.js'),
  ]);
  Object.assign(dispatcher.default.prototype, api.default);
  return { Agent: agent.default, EnvHttpProxyAgent: proxyAgent.default };
}
