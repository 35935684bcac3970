// The documentation: generated pages in step, links that lead somewhere, claims that name real files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createPrograms, leavesOf } from './docs/pages/programs.ts';
import { renderReference } from './docs/pages/reference.ts';
import { parseRequirementLines } from './labs/mutate/requirement-lines.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

describe('generated pages', () => {
  it('are what the code says: run scripts/generate-docs.ts after a change', async () => {
    const pages = await renderReference();
    const stale = [...pages].filter(([path, text]) => !existsSync(join(ROOT, path)) || read(path) !== text);
    expect(stale.map(([path]) => path)).toEqual([]);
  });
});

describe('links', () => {
  it.each(pages)('%s links to files that exist', (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1] ?? '',
    );
    expect(targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });
});

describe('commands', () => {
  const programs = createPrograms();

  it('say each what they are for', () => {
    const silent = programs.flatMap(leavesOf).filter((command) => command.description() === '');
    expect(silent.map((command) => command.name())).toEqual([]);
  });

  it.each(pages)('in %s exist, with the options they are given', (page) => {
    const wrong = commandLinesIn(read(page)).filter((line) => problemOf(line, programs) !== null);
    expect(wrong.map((line) => `${problemOf(line, programs)}: ${line}`)).toEqual([]);
  });
});

describe('the changelog', () => {
  const lines = read('CHANGELOG.md').split('\n');

  it('has the headings of its form, and lines that are read: docs/contributing.md says how', () => {
    const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    const headings = lines.filter((line) => line.startsWith('### ')).map((line) => line.slice(4));
    expect(headings.filter((heading) => !kinds.includes(heading))).toEqual([]);
    expect(lines.filter((line) => line.length >= 240)).toEqual([]);
  });
});

describe('the architecture page', () => {
  it('names files that exist', () => {
    const named = [...read('docs/architecture.md').matchAll(/`([\w./-]+\.ts)`/g)].map(
      (match) => match[1] ?? '',
    );
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(named.length).toBeGreaterThan(20);
  });
});

describe('dependencies', () => {
  it('are listed with a reason, each of them and no other', () => {
    const manifest = JSON.parse(read('package.json'));
    const used = Object.keys({
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.optionalDependencies,
    });
    const rows = read('docs/dependencies.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const listed = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]),
    );
    expect(listed.toSorted()).toEqual(used.toSorted());
  });

  it('carry no address of a registry in the lockfile, and run no install script of ours', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved"/);
    expect(Object.keys(JSON.parse(read('package.json')).scripts)).not.toContain('postinstall');
  });
});

describe('requirements', () => {
  const rows = read('docs/requirements.md')
    .split('\n')
    .filter((line) => /^\| [FQT]\d+ /.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, id = '', , where = '', tests = '', state = '']) => ({ id, where, tests, state }));

  it('have a row for every id', () => {
    // Rows beyond the founding ones come as their subject does.
    const later = new Set([...numbered('F', 35).slice(24), ...numbered('T', 40).slice(30)]);
    const ids = [...numbered('F', 35), ...numbered('Q', 10), ...numbered('T', 40)];
    const present = rows.map((row) => row.id);
    expect(present).toEqual(ids.filter((id) => !later.has(id) || present.includes(id)));
  });

  it('say one of three states', () => {
    expect(rows.filter((row) => !/^(works|partly|not yet)\b/.test(row.state)).map((row) => row.id)).toEqual(
      [],
    );
  });

  it('name files and tests that exist wherever something works', () => {
    const wrong = rows.flatMap(({ id, where, tests, state }) => {
      const named = [...`${where} ${tests}`.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
      const missing = named.filter((path) => !existsSync(join(ROOT, path))).map((path) => `${id}: ${path}`);
      const proven = state === 'not yet' || /`test\//.test(tests);
      return proven ? missing : [...missing, `${id}: no test`];
    });
    expect(wrong).toEqual([]);
  });
});

describe('lines that requirements hang on', () => {
  const page = read('docs/requirements.md');
  const lines = parseRequirementLines(page);
  const working = [...page.matchAll(/^\| ([FQT]\d+) \|.* \| works \|$/gm)];

  it('are named for every row that works: add one under "Lines"', () => {
    const named = new Set(lines.map((line) => line.id));
    expect(working.map(([, id = '']) => id).filter((id) => !named.has(id))).toEqual([]);
  });

  it('stand in their files exactly once, beside a test that the row names', () => {
    const wrong = lines.filter(({ id, excerpt, file, test }) => {
      const row = working.find((match) => match[1] === id)?.[0] ?? '';
      if (!row.includes(`\`${test}\``) || !existsSync(join(ROOT, file))) return true;
      return read(file).split(excerpt).length !== 2;
    });
    expect(wrong.map(({ id, excerpt }) => `${id}: ${excerpt}`)).toEqual([]);
  });
});

describe('decisions', () => {
  it('are numbered once each', () => {
    const numbers = readdirSync(join(ROOT, 'docs/adr')).map((name) => name.slice(0, 4));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it.each(readdirSync(join(ROOT, 'docs/adr')))('%s has context, decision and consequences', (name) => {
    const text = read(join('docs/adr', name));
    expect(
      ['## Context', '## Decision', '## Consequences'].filter((heading) => !text.includes(heading)),
    ).toEqual([]);
  });
});

/** What a reader would type, from blocks and from running text; a quoted argument is one word. */
function commandLinesIn(page: string): readonly string[] {
  const code = [...page.matchAll(/```(?:sh|console)\n(.*?)```|`([^`\n]+)`/gs)];
  return code.flatMap(([, block, inline]) => {
    const typed = (block ?? inline ?? '').replace(/"[^"\n]*"|'[^'\n]*'/g, 'TEXT');
    const lines = typed.matchAll(
      /(?<=^|[\s(])fairlead(?:-vendor|-server)?(?: [^\n|&;()<>#]*)?(?=$|[\n|&;()<>#])/gm,
    );
    return [...lines].map(([line]) => line.trim());
  });
}

/** Null when a program knows the command and every option. */
function problemOf(line: string, programs: readonly Command[]): string | null {
  const [name = '', ...words] = line.split(/\s+/);
  let command = programs.find((program) => program.name() === name);
  const known = new Set(['--help', '--version']);
  for (;;) {
    for (const option of command?.options ?? []) {
      for (const flag of [option.long, option.short])
        if (flag !== undefined && flag !== null) known.add(flag);
    }
    const child = command?.commands.find((one) => one.name() === words[0]);
    if (child === undefined) break;
    command = child;
    words.shift();
  }
  const [next = ''] = words;
  const isGroup = (command?.commands.length ?? 0) > 0;
  if (isGroup && /^[a-z]/.test(next)) return `no command ${next}`;
  const option = words.find((word) => /^--?[a-z]/.test(word) && !known.has(word));
  return option === undefined ? null : `no option ${option}`;
}

function numbered(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
}

describe('the threat model', () => {
  const rows = read('docs/threat-model.md')
    .split('\n')
    .filter((line) => /^\| T\d+ /.test(line));

  it('has a row for every rule', () => {
    const ids = new Set(rows.map((row) => row.split('|')[1]?.trim()));
    expect([...ids].toSorted()).toEqual(numbered('T', 30).toSorted());
  });

  it('names files and tests that exist', () => {
    const named = rows.flatMap((row) => [
      ...row.matchAll(/`((?:shared|agent|server|test|docs)\/[^`]+|[\w-]+\.json)`/g),
    ]);
    expect(named.map((match) => match[1] ?? '').filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(rows.filter((row) => !row.includes('`test/'))).toEqual([]);
  });
});
