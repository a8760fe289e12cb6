import { fireEvent, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';

import { SessionProvider, useSession } from '../../app/session';
import { json, serve, show } from '../../app/testing';
import OverviewPage from './OverviewPage';

const html = '<img src=x onerror=alert(1)>';
const rtl = 'خادم الأحلام';
const long = 'x'.repeat(300);

const requirements = { vramGb: 8, vramOk: false, vramFits: false, diskGb: 0, diskOk: true, services: [], servicesAll: [], servicesAny: [], servicesAvailable: [], servicesMissing: [], servicesUnknown: [], servicesOk: false, unknown: [] };
const feature = { id: 'search', name: 'Search', description: 'Finds', icon: 'NoSuchIcon', category: 'x', extension: 'searxng', status: 'services_needed', enabled: false, reason: 'searxng does not run', next: { text: 'Start SearXNG', request: 'POST /api/extensions/searxng/start' }, requirements, setupTime: 'Unknown', priority: 1 };
const operation = { id: 'op-1', kind: 'start', extension: 'searxng', actor: 'session:admin', state: 'running', started: '2026-01-02T03:04:05Z', stages: [] };

const answers = (rest: object = {}) => ({
  'GET /api/session': { who: 'session:admin', scope: 'admin' },
  'GET /api/status': {
    version: '2.1.0', agent: { available: true }, system: { hostname: 'attic', uptime: 7800 }, cpu: { percent: 12 }, ram: { used_gb: 4, total_gb: 16 },
    disk: { free_gb: 100, used_gb: 150, total_gb: 250, percent: 60 }, manifest_errors: [],
  },
  'GET /api/services': [],
  'GET /api/features': { features: [], recommendations: [], suggestions: [], summary: { enabled: 0, available: 0, total: 0, progress: 0 }, gpu: {} },
  'GET /api/external-links': [],
  'GET /api/operations': { operations: [] },
  'GET /api/extensions/catalog': { extensions: [] },
  'GET /api/gpu/detailed': () => json({ code: 'gpu_unavailable', title: 'GPU unavailable', detail: 'no GPU: `dream doctor` says why' }, 503),
  'GET /api/services/resources': { services: [], containers: [] },
  ...rest,
});

function Page() {
  return useSession().session === undefined ? null : <OverviewPage />;
}

const open = () =>
  show(
    <SessionProvider>
      <Page />
    </SessionProvider>,
  );

it('a fresh system says what will be where', async () => {
  serve(answers());
  open();
  expect(await screen.findByText('Nothing is switched on yet.')).toBeDefined(); // in the head of the page
  expect(await screen.findByText('Nothing is switched on yet')).toBeDefined(); // where the services will be
  expect(await screen.findByText('No feature yet')).toBeDefined();
  expect(await screen.findByText('dream doctor')).toBeDefined();
  expect(await screen.findByText('attic, up for 2 h 10 min')).toBeDefined();
});

it('shows what is not healthy with its reason, whatever it is called', async () => {
  serve(
    answers({
      'GET /api/services': [
        { id: 'a', name: html, port: 1, external_port: 1, status: 'unhealthy', reason: `<b>${long}</b>` },
        { id: 'b', name: rtl, port: 1, external_port: 1, status: 'hibernating', reason: 'it sleeps' },
        { id: 'c', name: long, port: 1, external_port: 1, status: 'healthy' },
      ],
    }),
  );
  const { container } = open();
  const poor = within(await screen.findByRole('list', { name: 'Services that are not healthy' }));
  expect(poor.getByText(html)).toBeDefined();
  expect(poor.getByText(`<b>${long}</b>`)).toBeDefined();
  expect(poor.getByText(rtl)).toBeDefined();
  expect(poor.getByText('Hibernating')).toBeDefined();
  expect(poor.getByText('It sleeps')).toBeDefined();
  expect(container.querySelector('img')).toBeNull();
});

it('the API does not start what it stands on: the command is there', async () => {
  serve(
    answers({
      'GET /api/services': [{ id: 'llama-server', name: 'llama-server', port: 1, external_port: 1, status: 'not_deployed', reason: 'it has no container' }],
      'GET /api/extensions/catalog': { extensions: [{ id: 'llama-server' }] },
    }),
  );
  open();
  expect(await screen.findByText('dream up llama-server')).toBeDefined();
  expect(screen.queryByRole('button', { name: 'Start' })).toBeNull();
});

it('a click on a tile begins the change, once, and shows how far it is', async () => {
  let begun = 0;
  const asked = serve(
    answers({
      'GET /api/features': { features: [feature], recommendations: [], suggestions: [], summary: { enabled: 0, available: 0, total: 1, progress: 0 }, gpu: {} },
      'GET /api/operations': () => json({ operations: begun > 0 ? [operation] : [] }),
      'POST /api/extensions/searxng/start': () => (begun++, json(operation, 202)),
    }),
  );
  open();
  const button = await screen.findByRole('button', { name: 'Start SearXNG' });
  expect(screen.getByText('8 GB VRAM, too much for this machine')).toBeDefined();
  fireEvent.click(button);
  fireEvent.click(button);
  expect(await screen.findAllByRole('progressbar')).not.toHaveLength(0);
  expect(screen.queryByRole('button', { name: 'Start SearXNG' })).toBeNull();
  expect(asked.filter((request) => request === 'POST /api/extensions/searxng/start')).toHaveLength(1);
});

it('who may only look is shown no button that is refused', async () => {
  serve(
    answers({
      'GET /api/session': { who: 'session:guest', scope: 'read' },
      'GET /api/features': { features: [feature], recommendations: [], suggestions: [], summary: { enabled: 0, available: 0, total: 1, progress: 0 }, gpu: {} },
      'GET /api/services': [{ id: 'searxng', name: 'SearXNG', port: 1, external_port: 1, status: 'down', reason: 'it ended' }],
    }),
  );
  open();
  expect(await screen.findByText('searxng does not run')).toBeDefined();
  expect(await screen.findByText('It ended')).toBeDefined();
  expect(screen.queryByRole('button', { name: /Start/ })).toBeNull();
});

it('what the banner says of the host agent is not said again, and what runs without a health check is no fault', async () => {
  const why = 'the host agent is away: dial unix /run/dream.sock';
  serve(
    answers({
      'GET /api/status': { ...answers()['GET /api/status'], agent: { available: false, reason: why } },
      'GET /api/services': [
        { id: 'a', name: 'Alpha', port: 1, external_port: 1, status: 'down', reason: 'connection refused' },
        { id: 'b', name: 'Beta', port: 1, external_port: 1, status: 'unknown', reason: 'its container runs, but has no healthcheck, and it is not asked: its manifest names no health path' },
      ],
      'GET /api/features': { features: [{ ...feature, reason: why, next: { text: 'Read the log of SearXNG', command: 'dream logs searxng', request: 'POST /api/extensions/searxng/logs' } }], recommendations: [why], suggestions: [], summary: { enabled: 0, available: 0, total: 1, progress: 0 }, gpu: {} },
      'GET /api/gpu/detailed': () => json({ code: 'agent_no_socket', title: 'x', detail: why }, 503),
    }),
  );
  open();
  expect(await screen.findByText('Not known while the host agent is away.')).toBeDefined();
  expect(await screen.findByText(/show here when it is back/)).toBeDefined();
  expect(screen.queryByText(/dial unix/)).toBeNull();
  expect(screen.queryByText('Down')).toBeNull();
  expect(screen.queryByText(/Read the log/)).toBeNull();
  expect(within(screen.getByRole('list', { name: 'Services that run' })).getByText('Running')).toBeDefined();
});
