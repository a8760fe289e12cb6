import { expect, it } from 'vitest';

import { accessible, dream, errors, fits, key, machine, open, phone, playing } from './browser';

playing();

const connection = (label: string) => ({ name: `Connection: ${label}` });

it('shows at once what another program does', async () => {
  const page = await open('/operations');
  await page.getByRole('button', connection('Live')).waitFor();
  await dream('install', 'web');
  const row = page.getByRole('article').filter({ has: page.getByRole('link', { name: 'Install web' }) });
  await row.getByText('Done').waitFor();
  await row.getByText('at the command line').waitFor();
  await accessible(page);
  expect(errors).toEqual([]);
});

it('says that the agent is gone and what still works, and that it is back', async () => {
  const page = await open('/');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await machine('/agent/kill');
  const banner = page.getByRole('status').getByText('The host agent is away', { exact: false });
  await banner.waitFor();
  await page.getByRole('status').getByText('What runs goes on', { exact: false }).waitFor();
  await accessible(page);
  await machine('/agent/start');
  await banner.waitFor({ state: 'detached' });
  expect(errors).toEqual([]);
});

it('tells an agent that hangs from one that is gone', async () => {
  const page = await open('/', { viewport: phone, scheme: 'dark' });
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await machine('/agent/freeze');
  const banner = page.getByRole('status').getByText('The host agent is away', { exact: false });
  await banner.waitFor();
  await accessible(page);
  await fits(page);
  await machine('/agent/thaw');
  await banner.waitFor({ state: 'detached' });
});

it('goes on by itself when the API was gone, and asks for the key', async () => {
  const page = await open('/operations');
  await page.getByRole('button', connection('Live')).waitFor();
  await machine('/api/stop');
  const banner = page.getByText('Dream Server does not answer', { exact: false });
  await banner.waitFor();
  await accessible(page);
  await machine('/api/start');
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await banner.waitFor({ state: 'detached' });
  await page.getByRole('button', connection('Live')).waitFor();
});

it('asks every few seconds where no stream comes through', async () => {
  const page = await open('/operations', {});
  await page.context().route('**/api/events*', (route) => route.abort());
  await page.reload();
  await page.getByRole('button', connection('Every 5 s')).waitFor();
  await dream('stop', 'web');
  const row = page.getByRole('article').filter({ has: page.getByRole('link', { name: 'Stop web' }) });
  await row.getByText('Done').waitFor();
});
