import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { expect, it } from 'vitest';

import type { Entry, Session } from '../../api/types';
import { SessionProvider } from '../../app/session';
import { json, serve, show } from '../../app/testing';
import ExtensionPage from './ExtensionPage';
import { catalog, extension, feature } from './testing';

const db = extension('db', { name: 'Database', status: 'enabled', source: 'user', env_vars: [{ key: 'DB_PASSWORD', type: 'secret', required: true, description: '' }] });
const app = extension('app', { name: 'App', status: 'enabled', depends_on: ['db', 'gone'] });

const plan = {
  id: 'db', operation: 'start', verdict: 'allow', plan_hash: '1-2-3', submitted: {}, effective: {}, inputs: {}, images: [], services: [], generated: [],
  diff: [{ path: 'services.db.labels', before: null, after: { team: 'x' }, plugin: 'tags' }], decisions: [], warnings: ['say <hello>'],
  ports: [{ service: 'db', host_ip: '0.0.0.0', published: '5432', target: 5432, protocol: 'tcp' }], grants: { needed: ['lan-bind'], given: ['lan-bind'], missing: [] },
};

const answers = (entry: Entry, scope: Session['scope']) => ({
  'GET /api/session': { who: 'session:x', scope },
  'GET /api/extensions/catalog': catalog([entry, app]),
  [`GET /api/extensions/${entry.id}`]: { id: entry.id, manifest: entry, setup_instructions: { steps: [], cli_enable: 'dream enable db', cli_disable: 'dream disable db' } },
  [`POST /api/extensions/${entry.id}/plan`]: plan,
  'GET /api/features': { features: [], gpu: { name: 'None', vramGb: 0 } },
  'GET /api/external-links': [],
  'GET /api/services': [],
  'GET /api/operations': { operations: [] },
});

async function page(path: string, { entry = db, scope = 'admin' as Session['scope'], some = {} as Record<string, unknown> } = {}) {
  const asked = serve({ ...answers(entry, scope), ...some });
  show(
    <SessionProvider>
      <Routes>
        <Route path="/extensions/:id" element={<ExtensionPage />} />
      </Routes>
    </SessionProvider>,
    path,
  );
  await screen.findByRole('heading', { level: 1, name: /^(Database|There is no such extension)$/ });
  return asked;
}

it('says what an extension may do, who needs it, and what policies change', async () => {
  await page('/extensions/db', { entry: { ...db, grants: ['lan-bind'], features: [feature('rows', 'data', 4)] } });
  expect(await screen.findByText('May be reachable from other machines on your network')).toBeDefined();
  expect(await screen.findByText('0.0.0.0:5432')).toBeDefined();
  expect(screen.getByText('open to your network')).toBeDefined();
  expect(screen.getByText('say <hello>')).toBeDefined();
  expect(screen.getByText(/1 change by this machine's policies/)).toBeDefined();
  expect(screen.getByRole('link', { name: 'App' }).getAttribute('href')).toBe('/extensions/app');
});

it('names who needs it before it is disabled', async () => {
  await page('/extensions/db');
  fireEvent.click(screen.getByRole('button', { name: 'Disable' }));
  expect(within(await screen.findByRole('dialog')).getByText('App')).toBeDefined();
});

it('says what stays before it is uninstalled, and forgets the configuration where that is wanted', async () => {
  const asked = await page('/extensions/db', {
    entry: { ...db, status: 'disabled' },
    some: { 'DELETE /api/extensions/db': () => json({ id: '1', kind: 'uninstall', extension: 'db', state: 'running', started: '2026-01-01T00:00:00Z', actor: 'x', stages: [] }, 202) },
  });
  fireEvent.click(screen.getByRole('button', { name: 'Uninstall' }));
  const dialog = within(await screen.findByRole('dialog'));
  expect(dialog.getByText('data/db')).toBeDefined();
  fireEvent.click(dialog.getByRole('checkbox'));
  fireEvent.click(dialog.getByRole('button', { name: 'Uninstall' }));
  await waitFor(() => expect(asked).toContain('DELETE /api/extensions/db?forget_config=true'));
});

it('names who needs it before it is uninstalled, too, and says what lacks where it is needed', async () => {
  await page('/extensions/db', { entry: { ...db, status: 'disabled' } });
  fireEvent.click(screen.getByRole('button', { name: 'Uninstall' }));
  expect(within(await screen.findByRole('dialog')).getByText('App')).toBeDefined();
});

it('says at its head that what it needs is not on', async () => {
  await page('/extensions/db', { entry: { ...db, depends_on: ['web'] }, some: { 'GET /api/extensions/catalog': catalog([{ ...db, depends_on: ['web'] }, extension('web', { name: 'Web server' })]) } });
  expect(await screen.findByText('It needs Web server, which is not installed.')).toBeDefined();
  expect(screen.getByRole('link', { name: 'Install Web server' }).getAttribute('href')).toBe('/extensions/web/install');
});

it('one that runs and that nobody asks is running, with a quiet note', async () => {
  await page('/extensions/db', { entry: { ...db, runtime: { state: 'running', health: 'unknown', health_reason: 'its manifest names no health path', started_at: '2026-01-01T00:00:00Z' } } });
  expect(screen.getAllByText('Running').length).toBeGreaterThan(0);
  expect(screen.queryByText('Unknown')).toBeNull();
  expect(screen.getByText(/nobody can tell: its manifest names no health path/)).toBeDefined();
  expect(screen.queryByText('Why:')).toBeNull();
  expect(await screen.findByText('Runs since')).toBeDefined();
});

it('what does not run does not run since', async () => {
  await page('/extensions/db', { entry: { ...db, runtime: { state: 'stopped', started_at: '2026-01-01T00:00:00Z' } } });
  expect(await screen.findByText('Started last')).toBeDefined();
});

it('while the host agent is away, what takes it says so', async () => {
  await page('/extensions/db', { entry: { ...db, runtime: { state: 'unknown', health: 'down', reason: 'away' } }, some: { 'GET /api/status': { version: '2.1.0', agent: { available: false } } } });
  for (const name of ['Restart', 'Stop', 'Start']) await waitFor(() => expect(screen.getByRole('button', { name })).toHaveProperty('title', 'Takes the host agent, which is away'));
  expect(screen.getByText('Does not answer')).toBeDefined();
});

it('a policy that refused leads to the policies, and to nothing that cannot help', async () => {
  const failed = { id: '9', kind: 'start', extension: 'db', state: 'failed', started: '2026-01-01T00:00:00Z', ended: '2026-01-01T00:00:01Z', actor: 'x', stages: [{ name: 'check', started: '2026-01-01T00:00:00Z' }], error: { code: 'policy_denied', detail: 'refused by tags: no team', errors: [{ rule: 'tags', path: 'on_service_apply', message: 'no team' }] } };
  await page('/extensions/db', { some: { 'GET /api/operations': { operations: [failed] }, 'GET /api/operations/9': failed } });
  expect((await screen.findByRole('link', { name: 'See the policies' })).getAttribute('href')).toBe('/security');
  expect(screen.getAllByText(/no team/)).toHaveLength(1);
  expect(screen.queryByRole('button', { name: 'Start it again' })).toBeNull();
  expect(screen.queryByText('on_service_apply')).toBeNull();
});

it('shows why the last change failed, with the end of the log', async () => {
  const failed = { id: '9', kind: 'start', extension: 'db', state: 'failed', started: '2026-01-01T00:00:00Z', ended: '2026-01-01T00:00:01Z', actor: 'x', stages: [], error: { code: 'start_failed', detail: 'it ended with 1' } };
  await page('/extensions/db', {
    some: { 'GET /api/operations': { operations: [failed] }, 'GET /api/operations/9': { ...failed, error: { ...failed.error, log: 'FATAL: no space' } } },
  });
  expect(await screen.findByText('FATAL: no space')).toBeDefined();
  expect(screen.getByText('it ended with 1')).toBeDefined();
});

it('a key that may look has no button that would be refused', async () => {
  const asked = await page('/extensions/db', { scope: 'read' });
  for (const name of ['Restart', 'Stop', 'Disable']) expect(screen.getByRole('button', { name })).toHaveProperty('disabled', true);
  expect(asked.some((request) => request.startsWith('POST'))).toBe(false); // a plan takes more
});

it('an address that names nothing says so', async () => {
  await page('/extensions/<b>nobody', { some: { 'GET /api/extensions/%3Cb%3Enobody': () => json({ code: 'not_found', title: 'Not found', detail: 'x' }, 404) } });
  expect(await screen.findByRole('heading', { name: 'There is no such extension' })).toBeDefined();
});

it('does not deny an extension to an API that knows of no catalogue', async () => {
  const none = () => json({ code: 'not_found', title: 'Not found', detail: 'no such route' }, 404);
  serve({ ...answers(db, 'admin'), 'GET /api/extensions/catalog': none, 'GET /api/extensions/db': none });
  show(
    <SessionProvider>
      <Routes>
        <Route path="/extensions/:id" element={<ExtensionPage />} />
      </Routes>
    </SessionProvider>,
    '/extensions/db',
  );
  expect(await screen.findByText('This API is older than the page')).toBeDefined();
  expect(screen.queryByText(/Nobody knows an extension/)).toBeNull();
});

it('says what a rating comes from, and nothing of what an extension may do that is refused', async () => {
  const entry = { ...db, rating: 4 };
  const finding = { rule: 'no-limits', severity: 'note', path: 'services.db', service: 'db', message: 'has no memory limit', fix: 'add one' };
  const answer = { id: 'db', manifest: entry, setup_instructions: { steps: [], cli_enable: '', cli_disable: '' } };
  await page('/extensions/db', { entry, some: { 'GET /api/extensions/db': { ...answer, findings: [finding] } } });
  expect(await screen.findByText('has no memory limit')).toBeDefined();
  expect(screen.getByText(/Every extension may do that/)).toBeDefined();
  expect(screen.queryByText(/It may do/)).toBeNull();
});

it('says why the scan refuses an extension, and not what it may do', async () => {
  const entry = { ...db, rating: 1 };
  const finding = { rule: 'privileged', severity: 'error', path: 'services.db', service: 'db', message: 'gives the container the whole host', fix: 'take it out' };
  const answer = { id: 'db', manifest: entry, setup_instructions: { steps: [], cli_enable: '', cli_disable: '' } };
  await page('/extensions/db', { entry, scope: 'read', some: { 'GET /api/extensions/db': { ...answer, findings: [finding] } } });
  expect(await screen.findByText('gives the container the whole host')).toBeDefined();
  expect(screen.queryByText(/Every extension may do that/)).toBeNull();
});

const config = {
  id: 'db', configured: true, missing: [],
  variables: [
    { key: 'DB_PORT', type: 'port', required: false, default: '5432', value: '5432', description: 'Its port', set: false, can_generate: false },
    { key: 'DB_PASSWORD', type: 'secret', secret: true, required: true, description: 'Opens it', set: true, can_generate: true },
  ],
};

it('writes its configuration, secrets without reading them, and puts what is refused beside its field', async () => {
  const asked = await page('/extensions/db?tab=configuration', {
    some: {
      'GET /api/extensions/db/config': config,
      'PUT /api/extensions/db/config': () => json({ code: 'invalid_config', title: 'Invalid configuration', detail: 'no', errors: [{ path: 'DB_PORT', message: 'is taken by another' }] }, 422),
    },
  });
  const port = await screen.findByLabelText(/^DB_PORT/);
  fireEvent.change(port, { target: { value: '99999' } });
  expect(screen.getByText(/a number from 1 to 65535/)).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Save 1 change' }));
  expect(asked.some((request) => request.startsWith('PUT'))).toBe(false);
  fireEvent.change(port, { target: { value: '5433' } });
  fireEvent.click(screen.getByRole('button', { name: /^Make up a new one\s+for DB_PASSWORD$/ }));
  fireEvent.click(screen.getByRole('button', { name: 'Save 2 changes' }));
  expect(await screen.findByText('is taken by another')).toBeDefined();
  expect(screen.getByLabelText(/^DB_PORT/)).toHaveProperty('value', '5433'); // nothing is lost
});
