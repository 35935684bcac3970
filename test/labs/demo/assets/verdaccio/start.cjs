// Starts Verdaccio with the packed configuration, storage in the data directory, on the loopback port it is given.
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const data = process.env.DATA;
const config = JSON.parse(readFileSync(join(__dirname, process.argv[2]), 'utf8'));
const file = join(data, 'config.yaml');
// JSON is YAML: Verdaccio reads it as it is.
writeFileSync(file, JSON.stringify({ ...config, storage: join(data, 'storage') }));
const listen = config.listen ?? `127.0.0.1:${process.env.PORT}`;
process.argv = [process.argv[0], 'verdaccio', '--config', file, '--listen', listen];
require('./node_modules/verdaccio/bin/verdaccio');
