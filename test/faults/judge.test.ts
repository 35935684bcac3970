// The laboratory's judge must be able to fail: what a lost or misplaced write leaves behind is named.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Acknowledged } from '../labs/faults/acknowledged.ts';
import type { Place } from '../labs/faults/laboratory.ts';
import type { Services } from '../labs/faults/machine.ts';
import { operationsNamed } from '../labs/faults/operations.ts';
import { placeIn, prepareBase } from '../labs/faults/places.ts';
import { AUTH } from '../support/deploy-releases.ts';
import { temporaryDirectory } from '../support/directories.ts';

type Spoil = (place: Place) => Promise<unknown>;

/** The operation done, the disk spoiled, and what the judge says. */
async function judged(name: string, spoil: Spoil): Promise<readonly string[]> {
  const directory = temporaryDirectory();
  const [operation] = operationsNamed([name]);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  await prepareBase(operation, directory);
  const place = placeIn(directory);
  const acknowledged: Acknowledged[] = [];
  await operation.perform(place, (fact) => void acknowledged.push(fact));
  await spoil(place);
  return (await operation.judge(place, acknowledged)).problems;
}

function without(file: string): Spoil {
  return ({ stateDir }) => rm(`${stateDir}/${file}`, { recursive: true });
}

function edited(file: string, edit: (text: string) => string): Spoil {
  return async ({ stateDir }) => {
    const path = `${stateDir}/${file}`;
    await writeFile(path, edit(await readFile(path, 'utf8')));
  };
}

const damagedAgain: Spoil = async ({ stateDir }) => {
  const current = JSON.parse(await readFile(`${stateDir}/current/manifest.json`, 'utf8'));
  const hex = current.components[0].tree.slice('sha256:'.length);
  await rm(`${stateDir}/store/trees/${hex}/files/cut`);
};

describe.each<[string, string, Spoil, RegExp]>([
  ['a yes that is lost', 'approval', without('approvals'), /^acknowledged approve .* lost$/],
  ['a no that is lost', 'denial', without('approvals'), /^acknowledged deny .* lost$/],
  ['an answer nobody recorded', 'denial', without('audit'), /^deny .* unaudited$/],
  ['a record that is lost', 'probation', without('records/3.json'), /^the record of 3, committed, is lost$/],
  [
    'a quarantine that is lost',
    'probation',
    edited('quarantine.json', () => '[]'),
    /^nothing is quarantined/,
  ],
  [
    'a route to where nothing runs',
    'blue-green',
    ({ memory }) => Promise.resolve(memory.write(withoutGreen(memory.read()))),
    /^the route leads to green, where nothing runs$/,
  ],
  ['a repair that is lost', 'repair', damagedAgain, /^what was repaired is damaged$/],
  [
    'a lift that is lost',
    'lift',
    edited('quarantine.json', (text) => text.replace('core/api', 'core/auth')),
    /^what was lifted is quarantined$/,
  ],
  ['a hold that is lost', 'policy', edited('settings.json', withoutHold), /^acknowledged hold, .* lost$/],
  ['a policy changed in silence', 'policy', without('audit'), /^changed, and no record says why$/],
])('%s', (_, name, spoil, expected) => {
  it(`is found after: ${name}`, async () => {
    expect(await judged(name, spoil)).toContainEqual(expect.stringMatching(expected));
  });
});

function withoutGreen({ [`${AUTH}.green`]: _, ...others }: Services): Services {
  return others;
}

function withoutHold(text: string): string {
  return JSON.stringify({ ...JSON.parse(text), hold: undefined });
}
