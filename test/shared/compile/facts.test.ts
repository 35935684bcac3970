// What an install is, for classes: the system it names, and what follows from its configuration and what runs.
import { describe, expect, it } from 'vitest';
import { classFactsOf, systemIn } from '../../../shared/compile/facts.ts';
import { indexReleases } from '../../support/finished.ts';
import { compileInputOf, type Scenario } from '../../support/scenario.ts';

describe('the system that a machine names', () => {
  it.each<[string, string, string | null]>([
    ['with its major version', 'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n', 'debian:12'],
    ['of a version in parts', 'ID=ubuntu\nVERSION_ID="24.04"\n', 'ubuntu:24'],
    ['in quotes', "ID='rhel'\nVERSION_ID='9.4'", 'rhel:9'],
    ['without versions', 'ID=arch\nBUILD_ID=rolling\n', 'arch'],
    ['in capitals', 'ID=Alpine\nVERSION_ID=3.20.1\n', 'alpine:3'],
    ['twice: the last counts', 'ID=debian\nID=devuan\n', 'devuan'],
    ['beside others that end alike', 'MY_ID=x\nVARIANT_ID=server\nID=fedora\nVERSION_ID=41', 'fedora:41'],
    ['not at all', 'NAME=Something\n', null],
    ['with nothing', 'ID=\n', null],
    ['with what is no name', 'ID="a b"\nVERSION_ID="$(reboot)"\n', null],
    ['in no text of that form', '\u0000\u202e{}', null],
  ])('%s', (_name, text, expected) => {
    expect(systemIn(text)).toBe(expected);
  });
});

describe('the facts of an install', () => {
  const of = (scenario: Scenario) => {
    const input = compileInputOf(scenario);
    return classFactsOf(input, indexReleases(input.catalog.releases));
  };
  const RELEASES = { 'core/auth@1.0.0': {}, 'core@1.0.0': {}, 'extra/mail@1.0.0': {}, 'platform@1.0.0': {} };

  it('name each enabled suite: all that there are under the star, those by name even where none is released', () => {
    expect(of({ releases: RELEASES }).suite).toEqual(['core', 'extra']);
    expect(of({ releases: RELEASES, suites: { '*': {}, extra: { enabled: false } } }).suite).toEqual([
      'core',
    ]);
    expect(of({ releases: RELEASES, suites: { later: {} } }).suite).toEqual(['later']);
  });

  it('name the drivers of what runs, and where nothing does those that may', () => {
    const facts = { drivers: ['compose', 'systemd'] };

    expect(of({ releases: RELEASES, runs: ['core/auth@1.0.0'], facts }).driver).toEqual(['process']);
    expect(of({ releases: RELEASES, facts }).driver).toEqual(['compose', 'systemd']);
  });

  it('leave out what nobody said, which is not the same as having none', () => {
    expect(of({ releases: {}, facts: { os: ['debian:12'] } })).toEqual({
      ...{ os: ['debian:12'], suite: [] },
      driver: expect.arrayContaining(['process', 'systemd']),
    });
  });
});
