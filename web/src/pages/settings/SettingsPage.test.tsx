import { fireEvent, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';

import { SessionProvider } from '../../app/session';
import { type Answers, json, serve, show } from '../../app/testing';
import SettingsPage from './SettingsPage';

const checks = [
  { id: 'docker', severity: 'ok', title: 'Docker Engine 29.1.3 answers (API 1.52)' },
  { id: 'disk', severity: 'skipped', title: 'not to be seen from here: disk', fix: 'dream doctor, on the machine itself' },
  { id: 'ports', severity: 'error', title: 'port 3001 is taken by <b>nginx</b>', detail: 'It is wanted.', fix: 'sudo kill 812\nor stop it' },
];

function open(answers: Answers = {}, scope = 'admin') {
  const asked = serve({
    'GET /api/session': { who: 'session:admin', scope, expires: '2126-01-02T03:04:05Z' },
    'GET /api/status': { version: __VERSION__, agent: { available: true, version: __VERSION__ }, system: {}, services: [] },
    'GET /api/doctor': { checks, summary: { ok: 1, warnings: 0, errors: 1, skipped: 1 }, result: 'error' },
    'GET /api/keys': {
      keys: [
        { name: 'admin', scope: 'admin', expired: false, yours: true },
        { name: 'old', scope: 'read', created: '2020-01-01T00:00:00Z', expires: '2021-01-01T00:00:00Z', expired: true, yours: false },
      ],
    },
    ...answers,
  });
  show(
    <SessionProvider>
      <SettingsPage />
    </SessionProvider>,
    '/settings',
  );
  return asked;
}

it('shows the session, the keys and how they are taken back', async () => {
  open();
  expect(await screen.findByText('admin, in a browser')).toBeDefined();
  const keys = await screen.findByRole('table', { name: 'Keys' });
  expect(within(keys).getByText('Yours')).toBeDefined();
  expect(within(keys).getByText('Expired')).toBeDefined();
  expect(within(keys).getByRole('button', { name: 'Copy dream key remove old' })).toBeDefined();
});

it('shows what is wrong first, with commands to copy, and where to look for the rest', async () => {
  open();
  const wrong = await screen.findByRole('list', { name: 'What is wrong' });
  expect(within(wrong).getByText('port 3001 is taken by <b>nginx</b>')).toBeDefined();
  expect(within(wrong).getByRole('button', { name: 'Copy sudo kill 812' })).toBeDefined();
  expect(screen.getByText('1 check could not be made from here')).toBeDefined();
  expect(screen.getByRole('button', { name: 'Copy dream doctor' })).toBeDefined();
  expect(screen.getByText('29.1.3')).toBeDefined();
});

it('looks again', async () => {
  const asked = open();
  await screen.findByRole('list', { name: 'What is wrong' });
  fireEvent.click(screen.getByRole('button', { name: 'Look again' }));
  expect(asked.filter((request) => request === 'GET /api/doctor')).toHaveLength(2);
});

it('asks for no keys where the session may not see them, and says so', async () => {
  const asked = open({}, 'operate');
  expect(await screen.findByText('The list of keys takes a key that may do more')).toBeDefined();
  expect(asked).not.toContain('GET /api/keys');
});

it('says what failed, and that an API is older', async () => {
  open({ 'GET /api/doctor': () => json({ code: 'not_found' }, 404), 'GET /api/keys': () => json({ code: 'internal', title: 'Internal error', detail: 'the disk is gone' }, 500) });
  expect(await screen.findByText('This API is older than the page')).toBeDefined();
  expect(await screen.findByText('the disk is gone')).toBeDefined();
});

it('the colours are the same as in the header', async () => {
  open();
  const dark = await screen.findByRole('radio', { name: /^dark$/i });
  fireEvent.click(dark);
  expect((screen.getByRole('radio', { name: /^dark$/i }) as HTMLInputElement).checked).toBe(true);
  expect(localStorage.getItem('mantine-color-scheme-value')).toBe('dark');
});
