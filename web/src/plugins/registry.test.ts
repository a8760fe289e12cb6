import { Box } from 'lucide-react';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Page } from './registry';

const page = (rest: Partial<Page> = {}): Page => ({ id: 'a', path: '/a', label: 'A', icon: Box, component: () => null, sidebar: true, order: 50, ...rest });

// The registry is one for the whole dashboard: each test gets its own.
let registry: typeof import('./registry');
beforeEach(async () => {
  vi.resetModules();
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  registry = await import('./registry');
});

describe('registerRoutes', () => {
  it('sorts by order, then by label', () => {
    registry.registerRoutes([page({ id: 'c', path: '/c', label: 'C', order: 1 }), page({ id: 'b', path: '/b', label: 'B' }), page()]);
    expect(registry.registeredPages().map(({ id }) => id)).toEqual(['c', 'a', 'b']);
  });

  it.each([
    ['an id that is taken', page({ path: '/b' }), 'page "a": its id is that of the page "A" already'],
    ['a path that is taken', page({ id: 'b' }), 'page "b": /a is that of the page "A" already'],
    ['a path that is none', page({ id: 'b', path: 'b' }), 'page "b": its path "b" does not begin with /, or has ? or # in it'],
    ['a path of the server', page({ id: 'b', path: '/api/x' }), 'page "b": /api/x is the server\'s'],
    ['no id', page({ id: '', path: '/b' }), 'page "": it has no id'],
  ])('leaves out %s, and keeps the others', (_, wrong, reason) => {
    registry.registerRoutes([page(), wrong, page({ id: 'z', path: '/z' })]);
    expect(registry.registeredPages().map(({ id }) => id)).toEqual(['a', 'z']);
    expect(registry.refusals()).toEqual([reason]);
    expect(console.error).toHaveBeenCalledOnce();
  });
});

describe('registerExternalLinks', () => {
  it('leaves out ports that are none, and ids that are taken', () => {
    const link = { id: 'a', label: 'A', icon: Box, port: 80, healthNeedles: ['a'] };
    registry.registerExternalLinks([link, { ...link, port: 81 }, { ...link, id: 'b', port: 0 }]);
    expect(registry.registeredLinks()).toEqual([link]);
    expect(registry.refusals()).toHaveLength(2);
  });
});
