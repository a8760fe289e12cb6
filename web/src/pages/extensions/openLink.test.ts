import { expect, it } from 'vitest';

import { openLinkOf } from './openLink';
import { extension } from './testing';

const container = (ip: string, host = 7806) => ({ id: 'c', name: 'dream-x', service: 'x', image: 'x', state: 'running', ports: [{ ip, host, container: 80, protocol: 'tcp' }] });
const running = (ip: string, some = {}) => extension('x', { status: 'enabled', health_endpoint: '/health', runtime: { state: 'running', containers: [container(ip)] }, ...some });
const none = new Map();

it.each([
  ['what the sidebar has comes first', running('127.0.0.1'), new Map([['x', { href: 'http://h:1/ui', blocked: '' }]]), 'localhost', 'http://h:1/ui', ''],
  ['the port that is published', running('127.0.0.1'), none, 'localhost', 'http://127.0.0.1:7806/', ''],
  ['from another machine, a port of the machine alone', running('127.0.0.1'), none, 'dream.lan', 'http://dream.lan:7806/', 'Only the machine itself reaches port 7806.'],
  ['from another machine, a port of the network', running('0.0.0.0'), none, 'dream.lan', 'http://dream.lan:7806/', ''],
])('%s', (_, entry, links, hostname, href, blocked) => expect(openLinkOf(entry, links, { hostname })).toMatchObject({ href, blocked }));

it.each([
  ['is disabled', extension('x', { status: 'disabled' })],
  ['speaks no HTTP that anybody asks', running('127.0.0.1', { health_endpoint: '' })],
  ['has no container', extension('x', { status: 'enabled', health_endpoint: '/' })],
  ['publishes another port alone', running('127.0.0.1', { port: 81 })],
])('nothing, where it %s', (_, entry) => expect(openLinkOf(entry, none, { hostname: 'localhost' })).toBeUndefined());
