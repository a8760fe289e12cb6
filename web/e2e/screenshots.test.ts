// The pictures of docs/images: `make screenshots`. DREAM_SCREENSHOTS is the folder that they go to.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';

import { dream, errors, open, phone, playing, settled } from './browser';

playing();

const folder = process.env.DREAM_SCREENSHOTS ?? '';
let failed = '';

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  for (const id of ['notes', 'reader', 'board']) await dream('install', id);
  await dream('install', 'forecast').catch(() => undefined); // its image is nowhere
  await dream('install', 'telescope').catch(() => undefined); // a policy refuses it
  const page = await open('/');
  const reply = await page.request.get('/api/operations?extension=forecast');
  failed = ((await reply.json()) as { operations: { id: string }[] }).operations[0]?.id ?? '';
  await page.context().close();
}, 120_000);

const pages: [name: string, path: () => string, ready: (page: Page) => Promise<unknown>][] = [
  ['overview', () => '/', (page) => Promise.all([page.getByText('Healthy').first().waitFor(), page.getByText(/^All data/).locator('..').getByText(/[0-9] .?B/).first().waitFor()])],
  ['extensions', () => '/extensions', (page) => page.getByRole('article').nth(8).waitFor()],
  ['extension', () => '/extensions/notes', (page) => page.getByRole('heading', { name: 'What it may do' }).waitFor()],
  ['configuration', () => '/extensions/notes?tab=configuration', (page) => page.getByRole('textbox').first().waitFor()],
  ['logs', () => '/extensions/notes?tab=logs', (page) => page.getByText('a reader asked for page 40').first().waitFor()],
  ['install', () => '/extensions/gateway/install', (page) => page.getByRole('checkbox').first().waitFor()],
  ['operations', () => '/operations', (page) => page.getByRole('article').nth(2).waitFor()],
  ['failure', () => `/operations/${failed}`, (page) => page.getByText('Fetch images').first().waitFor()],
  ['security', () => '/security', (page) => page.getByText('no-host-network').first().waitFor()],
  ['decisions', () => '/security?tab=decisions', (page) => page.getByRole('list', { name: 'Decisions' }).waitFor()],
  ['settings', () => '/settings', (page) => page.getByText('Docker Engine').first().waitFor({ state: 'attached' })],
];

it.each([
  { look: 'light', scheme: 'light' as const },
  { look: 'dark', scheme: 'dark' as const },
  { look: 'phone', scheme: 'light' as const, viewport: phone },
])('$look', async ({ look, ...view }) => {
  const page = await open('/', view);
  for (const [name, path, ready] of pages) {
    await page.goto(path());
    await ready(page);
    await settled(page);
    await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
  }
  const stranger = await open('/', { ...view, stranger: true });
  await stranger.getByRole('heading', { name: 'Welcome to Dream Server' }).waitFor();
  await stranger.screenshot({ path: join(folder, `sign-in-${look}.png`) });
  expect(errors).toEqual([]);
}, 120_000);
