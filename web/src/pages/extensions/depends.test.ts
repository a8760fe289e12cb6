import { expect, it } from 'vitest';

import { losers, neededBy, needsOf, toEnable } from './depends';
import { extension } from './testing';

const all = [
  extension('a', { depends_on: ['b', 'gone'], status: 'disabled' }),
  extension('b', { depends_on: ['c', 'a'], status: 'disabled' }),
  extension('c', { status: 'enabled' }),
  extension('d', { depends_on: ['c'], status: 'enabled' }),
  extension('e', { depends_on: ['d'], status: 'enabled' }),
  extension('f', { depends_on: ['c'], status: 'disabled' }),
];
const ids = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

it('what it needs, known or not', () => expect(needsOf('a', all).map(({ id, entry }) => [id, entry?.status])).toEqual([['b', 'disabled'], ['gone', undefined]]));
it('who needs it', () => expect(ids(neededBy('c', all))).toEqual(['b', 'd', 'f']));
it('what to enable first, also in a circle', () => expect(ids(toEnable('a', all))).toEqual(['b', 'gone']));
it('who is enabled and would lose it, however far away', () => expect(ids(losers('c', all))).toEqual(['d', 'e']));
it('nobody', () => expect(losers('e', all)).toEqual([]));
