import { Box } from 'lucide-react';
import { describe, expect, it } from 'vitest';

import type { ExternalLink, Service } from '../api/types';
import { serviceURL, sidebarLinks } from './links';

describe('serviceURL', () => {
  it.each([
    ['a machine on the network', 'dream.lan', '/find', 'http://dream.lan:8080/find'],
    ['localhost, whose cookies the service must not get', 'localhost', '/', 'http://127.0.0.1:8080/'],
    ['the same the other way round', '127.0.0.1', '/', 'http://localhost:8080/'],
    ['an address of IPv6', '[fd00::1]', '/', 'http://[fd00::1]:8080/'],
    ['a path that wants to be another host', 'dream.lan', '//evil.example/x', 'http://dream.lan:8080/evil.example/x'],
    ['a path that wants to be a script', 'dream.lan', 'javascript:alert(1)', 'http://dream.lan:8080/javascript:alert(1)'],
    ['a path with a query', 'dream.lan', '/?a=b', 'http://dream.lan:8080/?a=b'],
  ])('%s', (_, hostname, path, want) => expect(serviceURL(8080, path, { hostname })).toBe(want));
});

describe('sidebarLinks', () => {
  const told: ExternalLink[] = [{ id: 'search', label: 'Search', port: 8080, ui_path: '/find', icon: 'Search', healthNeedles: ['search'], local: true }];
  const services: Service[] = [{ id: 'n8n', name: 'n8n', port: 5678, external_port: 5678, status: 'healthy' }];
  const ours = { id: 'flows', label: 'Flows', icon: Box, port: 5678, healthNeedles: ['N8N'] };
  const ids = (links: { id: string }[]) => links.map(({ id }) => id);

  it('shows a registered link while its service is healthy', () => {
    const down = services.map((service) => ({ ...service, status: 'down' as const }));
    expect(ids(sidebarLinks([], [ours], services, { hostname: 'localhost', port: '3001' }))).toEqual(['flows']);
    expect(sidebarLinks([], [ours], down, { hostname: 'localhost', port: '3001' })).toEqual([]);
    expect(ids(sidebarLinks([], [{ ...ours, alwaysHealthy: true }], down, { hostname: 'localhost', port: '3001' }))).toEqual(['flows']);
  });
  it('shows a link once, and then the registered one', () => {
    expect(sidebarLinks(told, [{ ...ours, id: 'search', label: 'Mine' }], services, { hostname: 'localhost', port: '3001' })).toMatchObject([{ label: 'Mine' }]);
  });
  it('says when only the machine itself reaches a page', () => {
    expect(sidebarLinks(told, [], [], { hostname: 'dream.lan', port: '3001' })[0]?.blocked).toContain('Only the machine itself');
    expect(sidebarLinks(told, [], [], { hostname: 'localhost', port: '3001' })[0]?.blocked).toBe('');
  });
  it('has no link to what does not run, nor to itself', () => {
    const down: Service[] = [{ id: 'search', name: 'Search', port: 80, external_port: 8080, status: 'not_deployed' }];
    expect(sidebarLinks(told, [], down, { hostname: 'localhost', port: '3001' })).toEqual([]);
    expect(sidebarLinks(told, [], [], { hostname: 'localhost', port: '8080' })).toEqual([]);
  });
});
