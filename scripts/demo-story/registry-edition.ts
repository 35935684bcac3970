// Real software: Node-RED and Verdaccio from the npm registry, each with its production dependencies.
import { spawn } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Application, type Edition, healthOf, PORT_SETTING } from './applications.ts';
import { DemoFailure } from './terminal.ts';

const START_PERIOD = 'PT60S';

/** `assets` is the folder with the small files the vendor adds to each package. */
export function createRegistryEdition(assets: string): Edition {
  return {
    editor: { ...createNodeRed(assets), vulnerable: '1.2.7', ordinary: '1.3.7', fixed: '1.2.9' },
    registry: { ...createVerdaccio(assets), first: '5.33.0', second: '6.1.2', broken: '6.1.3' },
  };
}

function createNodeRed(assets: string): Application {
  const exec = ['node', '--require', './compat.cjs', 'node_modules/node-red/red.js'];
  const options = ['--settings', './settings.cjs', '--userDir', '${dir.data}', '--port', '${settings.port}'];
  return {
    component: 'tools/node-red',
    url: (port) => `http://127.0.0.1:${port}/settings`,
    expected: (version) => `"version":"${version}"`,
    prepare: async (version, directory) => {
      await installPackage(directory, 'node-red', version, {});
      await cp(join(assets, 'node-red'), directory, { recursive: true });
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

function createVerdaccio(assets: string): Application & { readonly broken: string } {
  const broken = '6.1.3';
  return {
    component: 'tools/verdaccio',
    broken,
    url: (port) => `http://127.0.0.1:${port}/-/ping`,
    expected: () => '{}',
    prepare: async (version, directory) => {
      // The range node-fetch@cjs inside Verdaccio is a dist-tag that not every registry carries.
      await installPackage(directory, 'verdaccio', version, { 'node-fetch': '2.6.7' });
      await cp(join(assets, 'verdaccio'), directory, { recursive: true });
      // The mistake of the broken release: it was packed with a configuration for another host.
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
            'http://127.0.0.1:${settings.port}/-/ping',
            null,
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
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const manifest = { private: true, dependencies: { [name]: version }, overrides };
  await writeFile(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const options = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--no-update-notifier'];
  const npm = spawn('npm', ['install', ...options, '--loglevel=error', '--prefer-offline'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  npm.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const status = await new Promise((resolve, reject) => {
    npm.on('error', reject);
    npm.on('close', resolve);
  });
  if (status !== 0) {
    throw new DemoFailure(`npm could not install ${name}@${version} (try --offline):\n${errors}`);
  }
}
