// Loopback only, no palette catalogue: nothing reports to or fetches from the network.
module.exports = {
  uiHost: '127.0.0.1',
  credentialSecret: 'demo only',
  editorTheme: { projects: { enabled: false }, palette: { catalogues: [], editable: false } },
  logging: { console: { level: 'info', metrics: false, audit: false } },
};
