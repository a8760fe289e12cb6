import { describe, expect, it } from 'vitest';

import { byPolicy } from './changes';
import { sorted, standingOf } from './exceptions';
import { chosen, extensionsOf, more, since } from './narrow';
import { installed, named, ratingOf } from './installed';
import { digestOf, hookOf, modeOf, onErrorOf, outcomeOf, rulingOf, subjectOf, transportOf, valueOf } from './words';

describe('words of the API', () => {
  it.each([
    ['enforce', 'good', 'Enforced'],
    ['warn', 'warn', 'Only warns'],
    ['audit', 'neutral', 'Only recorded'],
    ['off', 'neutral', 'Off'],
    ['dry_run', 'neutral', 'Dry run'],
    ['constructor', 'neutral', 'Constructor'],
    ['', 'neutral', '–'],
    ['<b>x</b>', 'neutral', '<b>x</b>'],
  ])('a mode %j is %s, %s', (mode, tone, label) => expect(modeOf(mode)).toEqual({ tone, label }));

  it('an outcome is no longer than a badge', () => expect(outcomeOf('x'.repeat(300)).label).toHaveLength(40));

  it.each([
    ['rejected', 'enforce', 'bad', 'Refused'],
    ['rejected', 'warn', 'warn', 'Would refuse'],
    ['rejected', 'audit', 'neutral', 'Would refuse'],
    ['changed', 'enforce', 'busy', 'Changed'],
    ['changed', 'warn', 'warn', 'Would change'],
    ['failed', 'warn', 'bad', 'Could not decide'],
    ['pondered', 'audit', 'neutral', 'Pondered'],
  ])('%s in mode %s looks %s, %s', (outcome, mode, tone, label) => expect(rulingOf({ outcome, mode })).toEqual({ tone, label }));

  it('says how, about what, and what holds while it cannot decide', () =>
    expect([transportOf('exec'), transportOf('wasm'), hookOf('on_fleet_apply'), hookOf('on_moon_apply'), onErrorOf({ on_error: 'deny', mode: 'enforce' }), onErrorOf({ on_error: 'allow', mode: 'enforce' })]).toEqual([
      'a program', 'Wasm', 'GPUs and limits', 'On moon apply', 'nothing starts', 'it is passed over',
    ]));

  it.each([
    ['warn', 'it is passed over'],
    ['audit', 'it is passed over'],
    ['off', 'it is not asked'],
  ])('a policy in mode %s that fails: %s', (mode, want) => expect(onErrorOf({ on_error: 'deny', mode })).toBe(want));

  it.each([
    [{ phase: 'apply', operation: 'start', extension: 'n8n' }, 'Start of n8n'],
    [{ phase: 'plan', operation: 'start', extension: 'n8n' }, 'Plan: start of n8n'],
    [{ phase: 'plan', operation: 'check', extension: 'n8n' }, 'Check of n8n'],
    [{ phase: 'load', operation: 'start' }, 'Policies were loaded'],
    [{ phase: 'audit', extension: 'n8n' }, 'What runs was compared with what was approved: n8n'],
    [{ phase: 'dream', operation: 'levitate', extension: '<i>' }, 'Levitate of <i>'],
  ])('%j is %s', (decision, want) => expect(subjectOf(decision)).toBe(want));

  it.each([
    [null, ''], ['1g', '1g'], [0, '0'], [false, 'false'], [{ a: 1, b: ['x'] }, '{ "a": 1, "b": [ "x" ] }'],
  ])('a value %j is written %s', (value, want) => expect(valueOf(value)).toBe(want));

  it('shows the beginning of a digest', () => expect(digestOf(`sha256:${'a'.repeat(64)}`)).toBe('a'.repeat(12)));
});

describe('exceptions', () => {
  const now = Date.parse('2026-06-15T12:00:00Z');
  const exception = (expires: string, expired = false) => ({ plugin: 'p', extension: 'e', reason: 'r', expires, expired });
  it.each([
    ['2026-12-31T00:00:00Z', false, 'holds'],
    ['2026-06-29T12:00:00Z', false, 'soon'],
    ['2026-06-29T12:00:01Z', false, 'holds'],
    ['2026-06-15T12:00:00Z', false, 'expired'], // it has ended since the API was asked
    ['2027-01-01T00:00:00Z', true, 'expired'],
    ['one day', false, 'holds'],
  ])('until %s, expired %s: %s', (expires, expired, want) => expect(standingOf({ expires, expired }, now)).toBe(want));
  it('has what ends next first, and what is over last', () =>
    expect(sorted([exception('2026-01-01'), exception('2027-01-01'), exception('2026-06-20'), exception('2026-06-18')], now).map(({ expires }) => expires)).toEqual([
      '2026-06-18', '2026-06-20', '2027-01-01', '2026-01-01',
    ]));
});

describe('changes', () => {
  it('stand under who made them, in the order in which they were made', () => {
    const change = (plugin: string, path: string) => ({ plugin, path, before: null, after: 1 });
    const groups = byPolicy([change('b', '1'), change('a', '2'), change('b', '3')]);
    expect(groups.map(({ plugin, changes }) => [plugin, changes.map(({ path }) => path)])).toEqual([['b', ['1', '3']], ['a', ['2']]]);
  });
});

describe('filters', () => {
  const now = Date.parse('2026-01-10T12:00:30Z');
  it.each([['1h', '2026-01-10T11:00:00.000Z'], ['7d', '2026-01-03T12:00:00.000Z'], ['yesterday', undefined], [null, undefined]])('since %s is %s', (span, want) =>
    expect(since(span, now)).toBe(want),
  );
  it('a list grows until the API gives no more', () => expect([more(50), more(200), more(800), more(1_000)]).toEqual([200, 800, 1_000, 1_000]));
  const entries = [
    { op: '1', extension: 'a', result: 'ok' },
    { op: '2', extension: 'b', result: 'busy' },
    { op: '3', result: 'policy_denied' },
  ];
  it.each([
    ['', '', ['1', '2', '3']],
    ['a', '', ['1']],
    ['', 'ok', ['1']],
    ['', 'refused', ['2', '3']],
    ['b', 'ok', []],
  ])('extension %j and result %j take %j', (extension, result, want) => expect(chosen(entries, extension, result).map(({ op }) => op)).toEqual(want));
  it('offers the extensions that there are, and the one that was chosen', () => expect(extensionsOf(entries, 'gone')).toEqual(['a', 'b', 'gone']));
});

describe('permissions', () => {
  const entry = (id: string, rest: object) => ({ id, name: id.toUpperCase(), status: 'enabled', grants: [], ...rest }) as unknown as Parameters<typeof installed>[0][number];
  it('are of what is here, with those first that may the most', () =>
    expect(
      installed([
        entry('a', { rating: 8 }),
        entry('b', { status: 'not_installed' }),
        entry('c', { grants: ['gpu', 'build'] }),
        entry('d', { status: 'disabled', rating: 3 }),
        entry('e', { status: 'incompatible' }),
        entry('f', { grants: null }),
      ]).map(({ id }) => id),
    ).toEqual(['c', 'd', 'a', 'f']));
  it('are found by name and id', () => expect([named([entry('n8n', {})], ' N8 ').length, named([entry('n8n', {})], 'x').length]).toEqual([1, 0]));
  it('a rating has its scale', () => expect([ratingOf(8), ratingOf(undefined), ratingOf(0)]).toEqual(['8 of 8', 'Not rated', 'Not rated']));
});
