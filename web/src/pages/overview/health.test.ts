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
