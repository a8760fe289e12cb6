import { fireEvent, screen } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';

import { SessionProvider } from '../../app/session';
import { serve, show } from '../../app/testing';
import type { Session } from '../../api/types';
import { registerRoutes } from '../registry';
import { Server } from 'lucide-react';

const session: Session = { who: 'session:admin', scope: 'admin' };
const answers = {
  'GET /api/session': session,
  'GET /api/status': { version: __VERSION__, agent: { available: true }, system: { hostname: 'attic', uptime: 5 }, services: [] },
  'GET /api/services': [{ id: 'files', name: 'Files', port: 80, external_port: 8081, status: 'healthy' }],
  'GET /api/external-links': [],
  'GET /api/operations': { operations: [] },
};

async function shell() {
  const { Shell } = await import('../../app/Shell');
  return (
    <SessionProvider>
      <Shell session={session} />
    </SessionProvider>
  );
}

beforeEach(async () => {
  await import('./machine');
});

it('a plugin adds a page, with its properties and a link in the sidebar', async () => {
  serve(answers);
  show(await shell(), '/nowhere');
  fireEvent.click(await screen.findByRole('link', { name: 'This machine' }));
  expect(await screen.findByRole('heading', { level: 1, name: 'This machine' })).toBeDefined();
  expect(screen.getByText('It calls itself attic.')).toBeDefined();
  expect(document.title).toBe('This machine · Dream Server');
});

it('a plugin adds a link that leaves the dashboard, while its service is healthy', async () => {
  serve(answers);
  show(await shell(), '/nowhere');
  const link = await screen.findByRole('link', { name: /^Files/ });
  expect(link.getAttribute('href')).toMatch(/:8081\/browse$/);
});

it('a page that throws leaves the rest of the dashboard as it was', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  registerRoutes([
    {
      id: 'broken',
      path: '/broken',
      label: 'Broken',
      icon: Server,
      component: () => {
        throw new Error('half a plugin');
      },
      sidebar: true,
      order: 70,
    },
  ]);
  serve(answers);
  show(await shell(), '/broken');
  expect((await screen.findByRole('alert')).textContent).toContain('half a plugin');
  fireEvent.click(await screen.findByRole('link', { name: 'This machine' }));
  expect(await screen.findByText('It calls itself attic.')).toBeDefined();
});

it('an address that no page has says so', async () => {
  serve(answers);
  show(await shell(), '/gone/<b>x</b>');
  expect(await screen.findByRole('heading', { level: 1, name: 'There is no such page' })).toBeDefined();
  expect(screen.getByText('/gone/<b>x</b>')).toBeDefined();
});

it('a page whose script does not come says so, and is not taken for a broken plugin', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  registerRoutes([
    {
      id: 'absent',
      path: '/absent',
      label: 'Absent',
      icon: Server,
      component: () => {
        throw new TypeError('Failed to fetch dynamically imported module: http://localhost/assets/x.js');
      },
      sidebar: true,
      order: 71,
    },
  ]);
  serve(answers);
  show(await shell(), '/absent');
  expect((await screen.findByRole('alert')).textContent).toContain('This page does not load');
});
