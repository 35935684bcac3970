// Real software: Node-RED and Verdaccio from the npm registry, each with its production dependencies.
import { spawn } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Application, type Edition, healthOf, PORT_SETTING } from './applications.ts';
import { DemoFailure } from './terminal.ts';

const START_PERIOD = 'PT60S';
/** The first lines of npm's complaint tell the cause. */
const NPM_LINES = 4;
/** The small files the vendor adds to each package. */
const ASSETS = join(import.meta.dirname, 'assets');

/** `env` is what npm runs with. */
export function createRegistryEdition(env: NodeJS.ProcessEnv): Edition {
  return {
    about:
      'The products are real: Node-RED and Verdaccio, which npm installs from its registry meanwhile.\n' +
      'It takes about four minutes; `scripts/demo --offline` takes one and asks no registry.',
    soak: 'PT5S',
    editor: { ...createNodeRed(env), vulnerable: '1.2.7', ordinary: '1.3.7', fixed: '1.2.9' },
    registry: { ...createVerdaccio(env), first: '5.33.0', second: '6.1.2', broken: '6.1.3' },
  };
}

function createNodeRed(env: NodeJS.ProcessEnv): Application {
  const exec = ['node', '--require', './compat.cjs', 'node_modules/node-red/red.js'];
  const options = ['--settings', './settings.cjs', '--userDir', '${dir.data}', '--port', '${settings.port}'];
  return {
    component: 'tools/node-red',
    url: (port) => `http://127.0.0.1:${port}/settings`,
    expected: (version) => `"version":"${version}"`,
    prepare: async (version, directory) => {
      await installPackage(directory, 'node-red', version, {}, env);
      await cp(join(ASSETS, 'node-red'), directory, { recursive: true });
      const manifest = {
        service: { driver: 'process', exec: [...exec, ...options] },
        settings: PORT_SETTING,
        health: [
          healthOf('http://127.0.0.1:${settings.port}/settings', `"version":"${version}"`, START_PERIOD),
        ],
        smoke: [{ exec: ['node', 'smoke.cjs', '${settings.port}'], timeout: 'PT30S' }],
        notes: `Node-RED ${version} as published, with a preload for functions that newer Node versions dropped.`,
      };
      return { directory, manifest };
    },
  };
}

function createVerdaccio(
  env: NodeJS.ProcessEnv,
): Application & Pick<Edition['registry'], 'broken' | 'sabotage'> {
  const broken = '6.1.3';
  return {
    component: 'tools/verdaccio',
    broken,
    sabotage:
      'its package holds a configuration that listens on another port; Verdaccio’s own 6.1.3 is sound',
    // Its page names the version that serves it; its ping answers the same whatever runs.
    url: (port) => `http://127.0.0.1:${port}/`,
    expected: (version) => `"version":"${version}"`,
    prepare: async (version, directory) => {
      // The range node-fetch@cjs inside Verdaccio is a dist-tag that not every registry carries.
      await installPackage(directory, 'verdaccio', version, { 'node-fetch': '2.6.7' }, env);
      await cp(join(ASSETS, 'verdaccio'), directory, { recursive: true });
      const config = version === broken ? 'config.staging.json' : 'config.json';
      const manifest = {
        service: {
          driver: 'process',
          exec: ['node', 'start.cjs', config],
          env: { DATA: '${dir.data}', PORT: '${settings.port}' },
        },
        settings: PORT_SETTING,
        health: [
          healthOf(
            'http://127.0.0.1:${settings.port}/',
            `"version":"${version}"`,
            version === broken ? 'PT10S' : START_PERIOD,
          ),
        ],
        smoke: [{ exec: ['node', 'smoke.cjs', '${settings.port}'], timeout: 'PT30S' }],
      };
      return { directory, manifest };
    },
  };
}

async function installPackage(
  directory: string,
  name: string,
  version: string,
  overrides: Record<string, string>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const manifest = { private: true, dependencies: { [name]: version }, overrides };
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const options = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--no-update-notifier'];
  const haste = ['--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];
  const npm = spawn('npm', ['install', ...options, ...haste, '--loglevel=error'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  npm.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const problem = await new Promise<string | null>((resolve) => {
    npm.on('error', (error) => resolve(error.message));
    npm.on('close', (status) => resolve(status === 0 ? null : errors));
  });
  if (problem === null) return;
  const said = problem.split('\n').slice(0, NPM_LINES).join('\n');
  throw new DemoFailure(
    `npm could not install ${name}@${version}:\n${said}\nWithout a registry: scripts/demo --offline`,
  );
}
