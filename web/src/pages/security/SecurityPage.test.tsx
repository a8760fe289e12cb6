import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { expect, it } from 'vitest';

import { SessionProvider } from '../../app/session';
import { type Answers, json, serve, show } from '../../app/testing';
import SecurityPage from './SecurityPage';

const policy = { name: 'limits', transport: 'go', hooks: ['on_service_apply'], mode: 'warn', on_error: 'deny', secrets: true, timeout: '2s' };
const status = {
  locked: false,
  loaded_at: '2026-01-02T03:04:05Z',
  plugins: [policy],
  rules: [],
  exceptions: [{ plugin: 'limits', extension: 'n8n', reason: '<img src=x onerror=alert(1)>', expires: '2020-01-01T00:00:00Z', expired: true }],
  counts: { plugins: 1, rules: 0, exceptions: 1, decisions: { changed: 3 } },
};
const same = { at: '2026-01-02T03:04:05Z', took_ms: 5, containers: 2, approved: 2, findings: [] };

function open(answers: Answers, address = '/security', scope = 'admin') {
  const asked = serve({
    'GET /api/session': { who: 'session:admin', scope },
    'GET /api/policy/status': status,
    'GET /api/policy/drift': same,
    'GET /api/policy/audit': { entries: [] },
    'GET /api/audit': { entries: [] },
    ...answers,
  });
  show(
    <SessionProvider>
      <SecurityPage />
    </SessionProvider>,
    address,
  );
  return asked;
}

it('shows the policies, with their exceptions as text', async () => {
  open({});
  const plugins = await screen.findByRole('table', { name: /^Plugins/ });
  expect(within(plugins).getByText('Only warns')).toBeDefined();
  const exceptions = screen.getByRole('table', { name: 'Exceptions' });
  expect(within(exceptions).getByText('<img src=x onerror=alert(1)>')).toBeDefined();
  expect(within(exceptions).getByText('Expired')).toBeDefined();
  expect(await screen.findByText(/2 containers are as approved/)).toBeDefined();
});

it('says loudly that policies are locked, why, and what to do', async () => {
  open({ 'GET /api/policy/status': { ...status, plugins: [], exceptions: [], locked: true, reason: 'config.yml:3: plugin "x" is not there' } });
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('nothing can be installed, enabled or started');
  expect(alert.textContent).toContain('config.yml:3');
  expect(alert.textContent).toContain('dream-host-agent');
  expect(screen.queryByText('There are none yet')).toBeNull();
});

it('says how to add a policy where there is none', async () => {
  open({ 'GET /api/policy/status': { ...status, plugins: [], exceptions: [], counts: { ...status.counts, decisions: {} } } });
  expect(await screen.findByText('There are none yet')).toBeDefined();
  expect(screen.getByText('config/server/config.yml')).toBeDefined();
});

it('says that an API is older which tells nothing of policies', async () => {
  open({ 'GET /api/policy/status': () => json({ code: 'not_found' }, 404), 'GET /api/policy/drift': () => json({ code: 'not_found' }, 404) });
  await waitFor(() => expect(screen.getAllByText('This API is older than the page')).toHaveLength(2));
});

it('compares now, and shows what is other and what to do', async () => {
  const finding = { what: 'privileged', want: 'false', have: 'true', message: 'container web: privileged true', fix: 'dream restart web', extension: 'web', container: 'web' };
  const asked = open({ 'GET /api/policy/drift': () => json({ code: 'unavailable', detail: 'not yet' }, 503), 'POST /api/policy/drift': { ...same, findings: [finding] } });
  expect(await screen.findByText('Nothing was compared yet')).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Compare now' }));
  const differences = await screen.findByRole('list', { name: 'Differences' });
  expect(differences.textContent).toContain('container web: privileged true');
  expect(within(differences).getByRole('button', { name: 'Copy dream restart web' })).toBeDefined();
  expect(asked).toContain('POST /api/policy/drift');
});

it('asks for nothing that the session may not see, and says what that takes', async () => {
  const asked = open({}, '/security?tab=decisions', 'read');
  expect(await screen.findByText('The log of decisions takes a key that may do more')).toBeDefined();
  fireEvent.click(screen.getByRole('tab', { name: 'Policies' }));
  expect(await screen.findByText('To compare now takes a key with the scope operate.')).toBeDefined();
  expect(asked.some((request) => request.includes('audit'))).toBe(false);
});

it('a decision opens to what each policy said and changed', async () => {
  const asked = open(
    {
      'GET /api/policy/audit': {
        entries: [
          {
            time: '2026-01-02T03:04:05Z', phase: 'apply', operation: 'start', extension: 'n8n', user: 'cli:alice', outcome: 'changed', took_ms: 1.234,
            decisions: [{ plugin: 'limits', hook: 'on_service_apply', mode: 'enforce', outcome: 'changed', took_ms: 0.2, warnings: ['n8n gets 1GiB'] }],
            changes: [{ path: 'services.n8n.mem_limit', plugin: 'limits', before: '2g', after: '1g' }],
          },
          { time: 'soon', phase: 'later', operation: 'x'.repeat(300), outcome: 'transcended', took_ms: 0 },
        ],
      },
    },
    '/security?tab=decisions&outcome=changed&extension=n8n',
  );
  fireEvent.click(await screen.findByText('Start of n8n'));
  expect((await screen.findByText('services.n8n.mem_limit')).closest('div')?.textContent).toContain('2g');
  expect(screen.getByText('alice, at the command line')).toBeDefined();
  expect(screen.getByText('Transcended')).toBeDefined();
  expect(asked).toContain('GET /api/policy/audit?limit=50&extension=n8n&outcome=changed');
});

it('the audit log has names, says what a start was part of, and names no socket of a browser', async () => {
  const entry = { time: '2026-01-02T03:04:05Z', actor: 'session:admin', peer: 'uid 0', op: 'start', change: 'install', extension: 'n8n', result: 'ok', duration_ms: 3 };
  open(
    { 'GET /api/extensions/catalog': { extensions: [{ id: 'n8n', name: 'Workflows' }] }, 'GET /api/audit': { entries: [entry, { ...entry, actor: 'cli:alice', change: 'start' }] } },
    '/security?tab=audit',
  );
  const table = await screen.findByRole('table', { name: 'Audit log' });
  await waitFor(() => expect(table.textContent).toContain('Install Workflows · its start'));
  expect(table.textContent).toContain('Start Workflows');
  expect(table.textContent?.match(/uid 0/g)).toHaveLength(1);
});

it('does not say again that the host agent is away', async () => {
  open({ 'GET /api/policy/status': () => json({ code: 'agent_no_socket', title: 'The host agent is away', detail: 'dial unix /run/x.sock' }, 503) });
  expect(await screen.findByText('It shows when the host agent is back')).toBeDefined();
  expect(screen.queryByText(/dial unix/)).toBeNull();
});

it('filters the audit log, and says when nothing fits', async () => {
  open(
    { 'GET /api/audit': { entries: [{ time: '2026-01-02T03:04:05Z', actor: 'session:admin', op: 'install', extension: 'n8n', result: 'busy', detail: 'wait', duration_ms: 3 }] } },
    '/security?tab=audit&result=ok',
  );
  expect(await screen.findByText('None of the last 1 entry fits')).toBeDefined();
  fireEvent.click(screen.getByRole('button', { name: 'Show all' }));
  expect((await screen.findByRole('table', { name: 'Audit log' })).textContent).toContain('wait');
});
