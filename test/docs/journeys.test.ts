// The journeys of the architecture page: the rooms they lead through are there, as many as it says, and hang together so.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSources } from '../support/source-tree.ts';

const PAGE = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
const sources = new Map(readSources('shared', 'agent', 'server').map((file) => [file.path, file]));
const journeys = [...PAGE.matchAll(/^### (.+): (\d+) rooms\n\n```mermaid\n([\s\S]*?)```/gm)].map(
  ([, name = '', rooms = '', drawing = '']) => ({ name, rooms: Number(rooms), drawing }),
);

function roomsIn(drawing: string): ReadonlyMap<string, string> {
  return new Map([...drawing.matchAll(/(\w+)\["([^"]+)"\]/g)].map(([, id = '', file = '']) => [id, file]));
}

function isImported(from: string, to: string): boolean {
  const imports = (one: string, other: string) => sources.get(one)?.imports.includes(other) === true;
  return imports(from, to) || imports(to, from);
}

describe('the journeys', () => {
  it('are the four that the page promises', () => {
    expect(journeys.map(({ name }) => name)).toEqual([
      "A timestamp's bytes to a decision",
      'A manifest to a process',
      'A pin to its effect',
      "A failing probe to the fleet's report",
    ]);
  });

  it.each(journeys)('$name: leads through files that exist, as many as it says', ({ rooms, drawing }) => {
    const files = [...roomsIn(drawing).values()];
    expect(files.filter((file) => !sources.has(file))).toEqual([]);
    expect(new Set(files).size).toBe(rooms);
  });

  it.each(journeys)('$name: draws no import that is none', ({ drawing }) => {
    const files = roomsIn(drawing);
    const wrong = [...drawing.matchAll(/^ *(\w+)(?:\[[^\]]*\])? --> (\w+)/gm)]
      .map(([, from = '', to = '']) => [files.get(from) ?? from, files.get(to) ?? to] as const)
      .filter(([from, to]) => !isImported(from, to));
    expect(wrong).toEqual([]);
  });
});
