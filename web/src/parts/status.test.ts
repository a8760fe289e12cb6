import { expect, it } from 'vitest';

import { Package, Search } from 'lucide-react';

import { iconOf } from './icons';
import { lookOf } from './status';

it.each([
  ['healthy', 'good', 'Healthy'],
  ['failed', 'bad', 'Failed'],
  ['hibernating_deeply', 'neutral', 'Hibernating deeply'],
  ['constructor', 'neutral', 'Constructor'],
  ['<b>x</b>', 'neutral', '<b>x</b>'],
  ['', 'neutral', 'Unknown'],
  [undefined, 'neutral', 'Unknown'],
])('a status %j looks %s', (status, tone, label) => expect(lookOf(status)).toEqual({ tone, label }));

it('a status is no longer than a badge', () => expect(lookOf('x'.repeat(300)).label).toHaveLength(40));

it.each([
  ['Search', Search],
  ['search', Search],
  ['NoSuchIcon', Package],
  ['toString', Package],
  [undefined, Package],
])('the icon of %j', (name, want) => expect(iconOf(name)).toBe(want));
