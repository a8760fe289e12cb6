import { describe, expect, it } from 'vitest';

import { accessible, errors, fits, key, machine, newContext, open, phone, playing, url } from './browser';

playing();

describe('who comes for the first time', () => {
  it.each([
    { scheme: 'light' as const, viewport: undefined },
    { scheme: 'dark' as const, viewport: undefined },
    { scheme: 'light' as const, viewport: phone },
  ])('is told where the key is, and signs in ($scheme $viewport.width)', async (view) => {
    const page = await open('/', { ...view, stranger: true });
    await page.getByRole('heading', { name: 'Welcome to Dream Server' }).waitFor();
    await page.getByText('dream key show').waitFor();
    await accessible(page);
    await fits(page);

    await page.getByLabel('Key', { exact: true }).fill('not the key');
    await page.keyboard.press('Enter');
    await page.getByText('This key opens nothing').waitFor();
    await accessible(page);

    await page.getByLabel('Key', { exact: true }).fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    expect(errors).toEqual([]);
  });
});

describe('a session', () => {
  it('that ends is renewed over the page, in every tab', async () => {
    const page = await open('/operations');
    await page.getByRole('heading', { level: 1 }).waitFor();
    const other = await page.context().newPage();
    await other.goto('/');
    await other.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await machine('/api/stop');
    await machine('/api/start');
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
    await accessible(page);
    await page.getByLabel('Key', { exact: true }).fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(new URL(page.url()).pathname).toBe('/operations');
    await other.bringToFront();
    await other.getByRole('dialog').waitFor({ state: 'detached' });
    await other.getByRole('button', { name: 'Connection: Live' }).waitFor();
  });

  it('ends with "Sign out", and the key is nowhere in the browser', async () => {
    const page = await open('/');
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)).not.toContain(key);
    await page.getByRole('button', { name: 'Your session' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    const reply = await page.request.get('/api/session');
    expect(reply.status()).toBe(401);
  });
});

it('a deep link that leads nowhere says so, and leads back', async () => {
  const page = await open('/no/such/page');
  await page.getByRole('heading', { level: 1, name: 'There is no such page' }).waitFor();
  await accessible(page);
  await page.getByRole('main').getByRole('link').first().click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
});

it('the policy of the pages lets no inline script run', async () => {
  const context = await newContext();
  const reply = await context.request.get('/');
  const policy = reply.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'self'");
  expect(/script-src[^;]*unsafe-inline/.test(policy)).toBe(false);
  expect(reply.headers()['cache-control']).toBe('no-store');
  const html = await reply.text();
  for (const [, asset] of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    const file = await context.request.get(asset ?? '');
    expect(file.headers()['cache-control'], asset).toContain('immutable');
  }
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>/);
  expect(url).toContain('127.0.0.1');
});
