import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { expect, it } from 'vitest';

import { SessionProvider, useSession } from '../../app/session';
import { serve, show } from '../../app/testing';
import OperationPage from './OperationPage';
import OperationsPage from './OperationsPage';

const session = { who: 'session:admin', scope: 'admin' };
const at = (second: number) => `2026-01-02T03:04:${String(second).padStart(2, '0')}Z`;
const running = {
  id: 'op-2', kind: 'install', extension: 'n8n', actor: 'session:admin', state: 'running', started: at(5),
  stages: [
    { name: 'check', started: at(5), ended: at(6) },
    { name: 'pull', started: at(6), percent: 40, bytes: 2 ** 30, total_bytes: 2.5 * 2 ** 30 },
  ],
};
const failed = {
  id: 'op-1', kind: 'start', extension: 'hello', actor: 'cli:alice', state: 'failed', started: at(1), ended: at(3),
  stages: [{ name: 'create', started: at(1), ended: at(3) }],
  error: { code: 'start_failed', detail: 'hello exited with 1', errors: [{ message: 'exit status 1', file: 'hello/compose.yaml', line: 3 }], log: 'boom\n<script>alert(1)</script>' },
};

function Pages() {
  if (useSession().session === undefined) return null;
  return (
    <Routes>
      <Route path="/operations" element={<OperationsPage />} />
      <Route path="/operations/:id" element={<OperationPage />} />
    </Routes>
  );
}

const open = (path: string) =>
  show(
    <SessionProvider>
      <Pages />
    </SessionProvider>,
    path,
  );

it('a running one shows stages, bytes, and can be cancelled', async () => {
  const asked = serve({
    'GET /api/session': session,
    'GET /api/operations': { operations: [running] },
    'GET /api/operations/op-2': running,
    'POST /api/operations/op-2/cancel': { ...running, cancelled_by: 'session:admin' },
  });
  open('/operations/op-2');
  expect(await screen.findByRole('heading', { level: 1, name: 'Install n8n' })).toBeDefined();
  expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('40');
  expect(screen.getByText('Fetch images · 40 % · 1 GB of 2.5 GB')).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  const dialog = within(await screen.findByRole('dialog'));
  fireEvent.click(dialog.getByRole('button', { name: 'Cancel and undo' }));
  expect(await screen.findByRole('button', { name: 'Being undone' })).toBeDefined();
  expect(asked).toContain('POST /api/operations/op-2/cancel');
});

it('a failed one shows the cause, the end of the log, and the way on', async () => {
  const asked = serve({
    'GET /api/session': session,
    'GET /api/operations': { operations: [failed] },
    'GET /api/operations/op-1': failed,
    'POST /api/extensions/hello/start': { ...failed, id: 'op-3', state: 'running' },
  });
  const { container } = open('/operations/op-1');
  expect(await screen.findByText('hello exited with 1')).toBeDefined();
  expect(screen.getByText('hello/compose.yaml:3')).toBeDefined();
  expect(screen.getByLabelText('Log').textContent).toBe('boom\n<script>alert(1)</script>');
  expect(container.querySelector('script')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect((await screen.findByRole('link', { name: 'It is being tried again' })).getAttribute('href')).toBe('/operations/op-3');
  expect(asked).toContain('POST /api/extensions/hello/start');
});

it('one that is not kept any more says so', async () => {
  serve({ 'GET /api/session': session });
  open('/operations/gone');
  expect(await screen.findByText('No such operation')).toBeDefined();
});

it('the list shows what went wrong, and who did it', async () => {
  serve({ 'GET /api/session': session, 'GET /api/operations': { operations: [running, failed] } });
  open('/operations');
  const rows = within(await screen.findByRole('list', { name: 'Operations' })).getAllByRole('article');
  expect(rows.map((row) => within(row).getByRole('link').textContent)).toEqual(['Install n8n', 'Start hello']);
  expect(within(rows[1] as HTMLElement).getByText('hello exited with 1')).toBeDefined();
  expect(within(rows[1] as HTMLElement).getByText('alice, at the command line')).toBeDefined();
});

it('the address keeps the filters, and what fits nothing can be taken back', async () => {
  const asked = serve({
    'GET /api/session': session,
    'GET /api/operations?limit=50&extension=n8n&state=failed': { operations: [] },
    'GET /api/operations': { operations: [running] },
  });
  open('/operations?extension=n8n&state=failed');
  expect(await screen.findByText('No operation fits')).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Show all' }));
  expect(await screen.findByRole('link', { name: 'Install n8n' })).toBeDefined();
  await waitFor(() => expect(asked).toContain('GET /api/operations?limit=50'));
});

it('nothing yet is said, not left empty', async () => {
  serve({ 'GET /api/session': session, 'GET /api/operations': { operations: [] } });
  open('/operations');
  expect(await screen.findByText('Nothing has been changed yet')).toBeDefined();
});
