// The same story without a registry: two small applications written by this file.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Application, type Edition, healthOf, PORT_SETTING } from './applications.ts';

const SERVER = `// A small application: answers its name and version on /version, and keeps a visit counter in its data directory.
const http = require('node:http');
const fs = require('node:fs');
const { name, version } = require('./package.json');
const counter = process.env.DATA + '/visits';
const port = Number(process.env.PORT);
http
  .createServer((request, response) => {
    const visits = (fs.existsSync(counter) ? Number(fs.readFileSync(counter, 'utf8')) : 0) + 1;
    fs.writeFileSync(counter, String(visits));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name, version, visits }));
  })
  .listen(port, '127.0.0.1', () => console.log(name, version, 'listens on', port));
`;

const SMOKE = `// Asks the running application for its version and compares it with the files beside this one.
const { version } = require('./package.json');
fetch('http://127.0.0.1:' + process.argv[2] + '/version')
  .then((answer) => answer.json())
  .then((found) => process.exit(found.version === version ? 0 : 1));
`;

export function createOfflineEdition(): Edition {
  return {
    about:
      'The products are two small applications written by this script: no registry is asked.\n' +
      'It takes about a minute.',
    soak: 'PT2S',
    editor: { ...createSmall('notes-editor'), vulnerable: '1.2.7', ordinary: '1.3.7', fixed: '1.2.9' },
    registry: {
      ...createSmall('file-registry'),
      first: '5.33.0',
      second: '6.1.2',
      broken: '6.1.3',
      sabotage: 'it listens on a port that nobody asks',
    },
  };
}

function createSmall(name: string): Application {
  return {
    component: `tools/${name}`,
    url: (port) => `http://127.0.0.1:${port}/version`,
    expected: (version) => `"version":"${version}"`,
    prepare: async (version, directory) => {
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, 'package.json'), JSON.stringify({ name, version }));
      await writeFile(join(directory, 'server.cjs'), SERVER);
      await writeFile(join(directory, 'smoke.cjs'), SMOKE);
      const broken = version === '6.1.3';
      const manifest = {
        service: {
          driver: 'process',
          exec: ['node', 'server.cjs'],
          // The mistake of the broken release: it listens on a port nobody asks.
          env: { PORT: broken ? '0' : '${settings.port}', DATA: '${dir.data}' },
        },
        settings: PORT_SETTING,
        health: [
          healthOf(
            'http://127.0.0.1:${settings.port}/version',
            `"version":"${version}"`,
            broken ? 'PT3S' : 'PT30S',
          ),
        ],
        smoke: [{ exec: ['node', 'smoke.cjs', '${settings.port}'] }],
      };
      return { directory, manifest };
    },
  };
}
