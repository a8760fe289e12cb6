import { fireEvent, screen, waitFor } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { expect, it, vi } from 'vitest';

import { forgetReplies } from '../../api/client';
import type { Entry, Session } from '../../api/types';
import { SessionProvider } from '../../app/session';
import { json, serve, show } from '../../app/testing';
import InstallPage from './InstallPage';
import { catalog, extension, plan } from './testing';

const hub = extension('hub', { name: 'Hub', grants: ['lan-bind'] });
const operation = { id: '7', kind: 'install', extension: 'hub', state: 'running', started: '2026-01-01T00:00:00Z', actor: 'x', stages: [{ name: 'pull', started: '2026-01-01T00:00:00Z', percent: 40, bytes: 2 * 1024 ** 2, total_bytes: 5 * 1024 ** 2 }] };
const bridge = { key: 'HUB_BRIDGE', type: 'url', required: true, description: 'The address of your bridge', set: false, can_generate: false };

const answers = (entry: Entry, scope: Session['scope'], others: Entry[]) => ({
  'GET /api/session': { who: 'session:x', scope },
  'GET /api/extensions/catalog': catalog([entry, ...others]),
  [`GET /api/extensions/${entry.id}`]: { id: entry.id, manifest: entry },
  [`GET /api/extensions/${entry.id}/config`]: { id: entry.id, configured: true, missing: [], variables: [] },
  [`POST /api/extensions/${entry.id}/plan`]: plan(),
  'GET /api/features': { features: [], gpu: { name: 'None', vramGb: 0 } },
  'GET /api/external-links': [],
  'GET /api/services': [],
  'GET /api/operations': { operations: [] },
});

async function page({ path = '/extensions/hub/install', entry = hub, scope = 'admin' as Session['scope'], others = [] as Entry[], some = {} as Record<string, unknown> } = {}) {
  const asked = serve({ ...answers(entry, scope, others), ...some });
  const bodies: { request: string; body: unknown }[] = [];
  const answer = globalThis.fetch as unknown as (url: string, init: RequestInit) => Promise<Response>;
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    if (typeof init.body === 'string') bodies.push({ request: `${init.method} ${url}`, body: JSON.parse(init.body) });
    return answer(url, init);
  });
  forgetReplies();
  show(
    <SessionProvider>
      <Routes>
        <Route path="/extensions/:id/install" element={<InstallPage />} />
      </Routes>
    </SessionProvider>,
    path,
  );
  await screen.findByRole('heading', { level: 1, name: /Hub/ });
  return { asked, bodies };
}

it('asks for grants and values one by one, and installs what was planned, once', async () => {
  const { bodies, asked } = await page({
    some: {
      'GET /api/extensions/hub/config': { id: 'hub', configured: false, missing: ['HUB_BRIDGE'], variables: [bridge] },
      'POST /api/extensions/hub/plan': plan({ verdict: 'refused', code: 'grants_required', grants: { needed: ['lan-bind'], given: [], missing: ['lan-bind'] } }),
      'POST /api/extensions/hub/install': () => json(operation, 202),
      'GET /api/operations/7': operation,
    },
  });
  const install = await screen.findByRole('button', { name: 'Install' });
  fireEvent.click(install);
  expect(await screen.findByText('It does not run without this.')).toBeDefined();
  expect(document.activeElement).toBe(screen.getByRole('checkbox'));
  expect(asked.some((request) => request.includes('/install'))).toBe(false);

  fireEvent.click(screen.getByRole('checkbox', { name: 'It may be reachable from other machines on your network' }));
  fireEvent.change(screen.getByLabelText(/^HUB_BRIDGE/), { target: { value: 'http://bridge.lan/' } });
  await waitFor(() => expect(bodies.at(-1)?.body).toEqual({ grants: ['lan-bind'], values: { HUB_BRIDGE: 'http://bridge.lan/' } }));
  await waitFor(() => expect(screen.queryByText('Looking again…')).toBeNull());
  fireEvent.click(install);
  fireEvent.click(install);
  expect(await screen.findByText('Installing hub')).toBeDefined();
  expect(screen.getAllByText(/40 % · 2 MB of 5 MB/).length).toBeGreaterThan(0);
  expect(bodies.filter(({ request }) => request.includes('/install')).map(({ body }) => body)).toEqual([
    { values: { HUB_BRIDGE: 'http://bridge.lan/' }, grants: ['lan-bind'], plan_hash: '1-2-3' },
  ]);
});

it('shows what changed since, and asks again', async () => {
  let port = '80';
  const { bodies } = await page({
    entry: { ...hub, grants: [] },
    some: {
      'POST /api/extensions/hub/plan': () => json(plan({ plan_hash: `1-2-${port}`, ports: [{ service: 'hub', host_ip: '127.0.0.1', published: port, target: 80, protocol: 'tcp' }] })),
      'POST /api/preflight/ports': { conflicts: [], available: true },
      'POST /api/extensions/hub/install': () => {
        port = '81';
        return json({ code: 'plan_changed', title: 'The plan changed', detail: 'it is not what was planned any more' }, 409);
      },
    },
  });
  fireEvent.click(await screen.findByRole('button', { name: 'Install' }));
  expect(await screen.findByText('Port, new: 127.0.0.1:81 of hub')).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Install as it is now' }));
  await waitFor(() => expect(bodies.filter(({ request }) => request.includes('/install')).map(({ body }) => (body as { plan_hash: string }).plan_hash)).toEqual(['1-2-80', '1-2-81']));
});

it('names who has a port that is taken, and does not begin what would be refused', async () => {
  await page({
    entry: { ...hub, grants: [] },
    some: {
      'POST /api/extensions/hub/plan': plan({ verdict: 'refused', code: 'port_taken', text: 'port 80 is taken', ports: [{ service: 'hub', host_ip: '127.0.0.1', published: '80', target: 80, protocol: 'tcp' }] }),
      'POST /api/preflight/ports': { conflicts: [{ port: 80, service: 'web', in_use: true, extension: 'web' }], available: false },
    },
  });
  expect(await screen.findByRole('link', { name: 'web' })).toBeDefined();
  expect(screen.getByText('port 80 is taken')).toBeDefined();
  expect(screen.getByRole('button', { name: 'Install' })).toHaveProperty('disabled', true);
});

it('goes on by itself when it was wanted before the plan of what was typed is there', async () => {
  let answer: ((plan: Response) => void) | undefined;
  const { bodies, asked } = await page({
    entry: { ...hub, grants: [] },
    some: {
      'GET /api/extensions/hub/config': { id: 'hub', configured: false, missing: ['HUB_BRIDGE'], variables: [bridge] },
      'POST /api/extensions/hub/plan': () => (asked.length > 0 && bodies.at(-1)?.body && JSON.stringify(bodies.at(-1)?.body).includes('bridge.lan') ? new Promise<Response>((resolve) => (answer = resolve)) : json(plan())),
      'POST /api/extensions/hub/install': () => json(operation, 202),
      'GET /api/operations/7': operation,
    },
  });
  const install = await screen.findByRole('button', { name: 'Install' });
  fireEvent.change(screen.getByLabelText(/^HUB_BRIDGE/), { target: { value: 'http://bridge.lan/' } });
  fireEvent.click(install);
  expect(install.getAttribute('data-loading')).toBe('true'); // it was heard
  await waitFor(() => expect(answer).toBeDefined());
  expect(asked.filter((request) => request.endsWith('/install'))).toEqual([]);
  answer?.(json(plan({ plan_hash: '4-5-6' })));
  expect(await screen.findByText('Installing hub')).toBeDefined();
  expect(bodies.filter(({ request }) => request.endsWith('/install')).map(({ body }) => body)).toEqual([{ values: { HUB_BRIDGE: 'http://bridge.lan/' }, grants: [], plan_hash: '4-5-6' }]);
});

it('does nothing of what was wanted when the plan of what was typed is refused', async () => {
  const { asked, bodies } = await page({
    entry: { ...hub, grants: [] },
    some: {
      'GET /api/extensions/hub/config': { id: 'hub', configured: false, missing: ['HUB_BRIDGE'], variables: [bridge] },
      'POST /api/extensions/hub/plan': () => json(JSON.stringify(bodies.at(-1)?.body).includes('bridge.lan') ? plan({ verdict: 'refused', code: 'policy_denied', text: 'bridges are not wanted' }) : plan()),
    },
  });
  const install = await screen.findByRole('button', { name: 'Install' });
  fireEvent.change(screen.getByLabelText(/^HUB_BRIDGE/), { target: { value: 'http://bridge.lan/' } });
  fireEvent.click(install);
  expect(await screen.findByText('bridges are not wanted')).toBeDefined();
  expect(screen.getByRole('link', { name: 'See the policies' }).getAttribute('href')).toBe('/security');
  expect(asked.filter((request) => request.endsWith('/install'))).toEqual([]);
});

it('opens the field of a port that is taken, and leads to it', async () => {
  const port = { key: 'HUB_PORT', type: 'port', required: false, description: '', set: false, can_generate: false, default: '80', value: '80' };
  await page({
    entry: { ...hub, grants: [] },
    some: {
      'GET /api/extensions/hub/config': { id: 'hub', configured: true, missing: [], variables: [port] },
      'POST /api/extensions/hub/plan': plan({
        verdict: 'refused', code: 'port_taken', text: 'extension "hub": port 80 on 127.0.0.1 is taken by web: stop it, or set HUB_PORT in .env',
        errors: [{ message: 'port 80 is taken by web', fix: 'set HUB_PORT in .env', path: 'services.hub.ports.0' }],
      }),
    },
  });
  fireEvent.click(await screen.findByRole('button', { name: 'Change HUB_PORT' }));
  expect(screen.getAllByText(/is taken by web/)).toHaveLength(1);
  expect(screen.getByText(/or choose another for HUB_PORT below/)).toBeDefined();
  const field = screen.getByLabelText(/^HUB_PORT/);
  expect(document.activeElement).toBe(field);
  expect(field.closest('details')?.open).toBe(true);
});

it('says nothing of what an extension may do that the scan refuses', async () => {
  await page({ entry: { ...hub, grants: [] }, some: { 'POST /api/extensions/hub/plan': plan({ verdict: 'refused', code: 'scan_refused', text: 'it is privileged', plan_hash: undefined as never }) } });
  expect(await screen.findByText(/asks for what no extension gets/)).toBeDefined();
  expect(screen.queryByText(/Every extension may do that/)).toBeNull();
});

it('asks nobody for an operation that none can be', async () => {
  const { asked } = await page({ path: '/extensions/hub/install?operation=..' });
  expect(await screen.findByText('Nobody remembers this change')).toBeDefined();
  expect(asked.filter((request) => request.includes('/operations/'))).toEqual([]);
});

it('leads to what it needs first, and brings along what is installed already', async () => {
  const db = extension('db', { name: 'Database' });
  await page({ entry: { ...hub, grants: [], depends_on: ['db', 'nobody'] }, others: [db] });
  expect((await screen.findByRole('link', { name: 'Install Database' })).getAttribute('href')).toBe('/extensions/db/install?then=hub');
  expect(screen.getByText(/Nobody knows it/)).toBeDefined();
  expect(screen.getByRole('button', { name: 'Install' })).toHaveProperty('disabled', true);
});

it('enables an extension with what it needs', async () => {
  const { asked } = await page({
    entry: { ...hub, grants: [], status: 'disabled', depends_on: ['db'] },
    others: [extension('db', { status: 'disabled' })],
    some: {
      'POST /api/extensions/hub/plan': plan({ operation: 'enable', verdict: 'refused', code: 'missing_dependencies' }),
      'POST /api/extensions/hub/enable': () => json({ ...operation, kind: 'enable' }, 202),
      'GET /api/operations/7': { ...operation, kind: 'enable' },
    },
  });
  fireEvent.click(await screen.findByRole('button', { name: 'Enable with what it needs' }));
  await screen.findByText('Enabling hub');
  expect(asked).toContain('POST /api/extensions/hub/enable?with_dependencies=true');
});

it('is there again after a reload, with the cause, the end of the log and the next step', async () => {
  await page({
    path: '/extensions/hub/install?operation=7',
    some: { 'GET /api/operations/7': { ...operation, state: 'failed', ended: '2026-01-01T00:00:05Z', error: { code: 'start_failed', detail: 'it ended with 1', log: 'FATAL: <no space>' } } },
  });
  expect(await screen.findByText('FATAL: <no space>')).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('button', { name: 'Install' })).toBeDefined();
});

it('an operation that nobody remembers says so', async () => {
  await page({ path: '/extensions/hub/install?operation=9' });
  expect(await screen.findByText('Nobody remembers this change')).toBeDefined();
});

it('a key that may not install says which may', async () => {
  await page({ scope: 'operate' });
  expect(screen.getByText('This takes another key')).toBeDefined();
});
