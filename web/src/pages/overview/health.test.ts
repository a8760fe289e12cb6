import { expect, it } from 'vitest';

import type { Service } from '../../api/types';
import { fareOf, summaryOf } from './health';

const service = (name: string, status: string): Service => ({ id: name, name, port: 1, external_port: 1, status: status as Service['status'] });

it('what is worst comes first, and a state that nobody knows is not taken for healthy', () => {
  const { poor, well } = fareOf([
    service('a', 'healthy'),
    service('b', 'not_deployed'),
    service('c', 'asleep'),
    service('d', 'down'),
    service('e', 'starting'),
    service('f', 'degraded'),
  ]);
  expect([poor.map(({ name }) => name), well.map(({ name }) => name)]).toEqual([['d', 'f', 'b', 'c', 'e'], ['a']]);
});

it.each([
  [[], 'Nothing is switched on yet.'],
  [['healthy'], 'The one service that is switched on is healthy.'],
  [['healthy', 'healthy'], 'All 2 services that are switched on are healthy.'],
  [['healthy', 'down', 'down'], '1 of 3 services is healthy, 2 down.'],
  [['down', 'starting'], '0 of 2 services are healthy, 1 down, 1 starting.'],
])('%j is "%s"', (states, want) => expect(summaryOf(fareOf(states.map((state, i) => service(String(i), state))))).toBe(want));

const unasked = (name: string): Service => ({
  ...service(name, 'unknown'), reason: 'its container runs, but has no healthcheck, and it is not asked: its manifest names no health path',
});

it('what runs and cannot be asked is nothing to look at', () => {
  const fare = fareOf([unasked('a'), service('b', 'unknown')]);
  expect([fare.poor, fare.unasked].map((some) => some.map(({ name }) => name))).toEqual([['b'], ['a']]);
});

it.each([
  [[unasked('a')], 'The one service that is switched on runs, without a health check.'],
  [[unasked('a'), service('b', 'healthy')], 'All 2 services that are switched on run: 1 healthy, 1 without a health check.'],
  [[unasked('a'), service('b', 'down'), service('c', 'healthy')], '1 of 3 services is healthy, 1 down, 1 running without a health check.'],
])('summary %#', (services, want) => expect(summaryOf(fareOf(services))).toBe(want));
