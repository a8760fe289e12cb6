import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, it, vi } from 'vitest';

import type { Session } from '../../api/types';
import { SessionProvider } from '../../app/session';
import { json, serve, show } from '../../app/testing';
import ExtensionsPage from './ExtensionsPage';
import { catalog, extension, feature } from './testing';

const all = [
  extension('web', { name: 'Web <script>alert(1)</script>', description: 'Shows pages', status: 'enabled', runtime: { health: 'healthy' } }),
  extension('db', { name: 'Database', status: 'enabled' }),
  extension('app', { name: 'App', status: 'enabled', depends_on: ['db'] }),
  extension('notes', { name: 'Notes', status: 'disabled', features: [feature('note', 'writing')] }),
  extension('draw', { name: 'Draw', grants: ['gpu', 'time-travel'], features: [feature('image', 'creative', 8)] }),
];

const answers = (scope: Session['scope'], some: Record<string, unknown> = {}) => ({
  'GET /api/session': { who: 'session:x', scope },
  'GET /api/extensions/catalog': catalog(all),
  'GET /api/features': { features: [], gpu: { name: 'None', vramGb: 0 } },
  'GET /api/external-links': [{ id: 'web', label: 'Web', icon: 'Globe', port: 8080, ui_path: '/', healthNeedles: [], local: false }],
  'GET /api/services': [],
  'GET /api/operations': { operations: [] },
  ...some,
});

async function page(path = '/extensions', scope: Session['scope'] = 'admin', some: Record<string, unknown> = {}) {
  const asked = serve(answers(scope, some));
  show(
    <SessionProvider>
      <ExtensionsPage />
    </SessionProvider>,
    path,
  );
  await screen.findByText(/^\d+ extensions?$/);
  return asked;
}

const names = () => screen.getAllByRole('article').map((card) => card.getAttribute('aria-label'));

it('shows what there is, and takes no name for anything but a name', async () => {
  await page();
  expect(names()).toEqual(['App', 'Database', 'Draw', 'Notes', 'Web <script>alert(1)</script>']);
  expect(document.querySelector('script')).toBeNull();
  const draw = within(screen.getByRole('article', { name: 'Draw' }));
  expect(draw.getByText('Time travel')).toBeDefined(); // a grant of a newer extension
  expect(draw.getByText('8 GB VRAM')).toBeDefined();
  expect(draw.getByRole('link', { name: 'Install Draw' }).getAttribute('href')).toBe('/extensions/draw/install');
  expect(screen.getByRole('link', { name: /^Open Web/ }).getAttribute('href')).toMatch(/:8080\/$/);
});

it('finds while it is typed, and finds its way back from nothing', async () => {
  const asked = await page();
  const before = asked.length;
  fireEvent.keyDown(document.body, { key: '/' });
  const box = screen.getByRole('searchbox', { name: 'Search extensions' });
  expect(document.activeElement).toBe(box);
  fireEvent.change(box, { target: { value: 'note' } });
  await waitFor(() => expect(names()).toEqual(['Notes']));
  expect(asked.length).toBe(before); // nobody is asked
  fireEvent.change(box, { target: { value: 'nothing like it' } });
  fireEvent.click(await screen.findByRole('button', { name: 'Clear the search and all filters' }));
  await waitFor(() => expect(names()).toHaveLength(5));
});

it('can be searched before it is there, and is with what was typed', async () => {
  let answer: ((reply: Response) => void) | undefined;
  serve(answers('admin', { 'GET /api/extensions/catalog': () => new Promise<Response>((resolve) => (answer = resolve)) }));
  show(
    <SessionProvider>
      <ExtensionsPage />
    </SessionProvider>,
  );
  await screen.findByRole('searchbox', { name: 'Search extensions' });
  fireEvent.keyDown(document.body, { key: '/' });
  const box = screen.getByRole('searchbox', { name: 'Search extensions' });
  fireEvent.change(box, { target: { value: 'note' } });
  expect(screen.queryAllByRole('article')).toEqual([]);
  await waitFor(() => expect(answer).toBeDefined());
  answer?.(json(catalog(all)));
  await waitFor(() => expect(names()).toEqual(['Notes']));
  expect(document.activeElement).toBe(screen.getByRole('searchbox', { name: 'Search extensions' }));
});

it('an API that knows of no catalogue is older', async () => {
  serve(answers('admin', { 'GET /api/extensions/catalog': () => json({ code: 'not_found', title: 'Not found', detail: 'no such route' }, 404) }));
  show(
    <SessionProvider>
      <ExtensionsPage />
    </SessionProvider>,
  );
  expect(await screen.findByText('This API is older than the page')).toBeDefined();
});

it('takes what it shows from the address', async () => {
  await page('/extensions?status=disabled');
  expect(names()).toEqual(['Notes']);
  fireEvent.click(screen.getByRole('button', { name: 'All 5' }));
  await waitFor(() => expect(names()).toHaveLength(5));
});

it('switches on at once, and back where that is refused, with the way to what it needs', async () => {
  await page('/extensions', 'admin', {
    'POST /api/extensions/notes/enable': () => json({ code: 'missing_config', title: 'Configuration missing', detail: 'extension "notes" needs a value' }, 422),
  });
  fireEvent.click(screen.getByRole('switch', { name: 'Notes is off' }));
  expect(screen.getByRole('switch', { name: 'Notes is on' })).toBeDefined();
  expect((await screen.findByRole('alert')).textContent).toContain('needs a value');
  expect(screen.getByRole('switch', { name: 'Notes is off' })).toBeDefined();
  expect(screen.getByRole('link', { name: 'See what it needs' }).getAttribute('href')).toBe('/extensions/notes/install');
});

it('names who needs an extension before it is switched off', async () => {
  const asked = await page();
  fireEvent.click(screen.getByRole('switch', { name: 'Database is on' }));
  const dialog = within(await screen.findByRole('dialog'));
  expect(dialog.getByText('App')).toBeDefined();
  expect(asked.filter((request) => request.startsWith('POST'))).toEqual([]);
});

it('a key that may look sees everything and can change nothing', async () => {
  await page('/extensions', 'read');
  expect(names()).toHaveLength(5);
  for (const toggle of screen.getAllByRole('switch')) expect(toggle).toHaveProperty('disabled', true);
  expect(screen.getByRole('button', { name: /^Install Draw/ })).toHaveProperty('disabled', true);
});

it('says that the library is away, and which folders take no part', async () => {
  await page('/extensions', 'admin', {
    'GET /api/extensions/catalog': catalog([], {
      library_available: false,
      skipped: [
        { id: 'bad', path: 'user-extensions/bad', warning: true, reason: 'manifest.yaml:3: no port' },
        { id: 'off', path: 'x', warning: false, reason: 'disabled' },
      ],
    }),
  });
  expect(screen.getByText('The library cannot be read.')).toBeDefined();
  expect(screen.getByText('manifest.yaml:3: no port')).toBeDefined();
  expect(screen.queryByText('disabled')).toBeNull();
  expect(screen.getByText('There are no extensions')).toBeDefined();
});

it('draws 500 extensions in pages', async () => {
  vi.stubGlobal('IntersectionObserver', undefined);
  await page('/extensions', 'admin', { 'GET /api/extensions/catalog': catalog(Array.from({ length: 500 }, (_, i) => extension(`x${i}`))) });
  expect(names()).toHaveLength(48);
  fireEvent.click(screen.getByRole('button', { name: 'Show 452 more' }));
  expect(names()).toHaveLength(96);
  fireEvent.click(screen.getByRole('button', { name: 'Not installed 500' }));
  await waitFor(() => expect(names()).toHaveLength(48)); // another list begins at its beginning
});
