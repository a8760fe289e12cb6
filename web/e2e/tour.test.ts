// Every page that a link leads to, in both schemes and on a phone, with texts of strangers on it: accessible, no wider than the
// screen, nothing of others run, nothing asked of other hosts.
import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';

import { dream, errors, machine, open, phone, playing, settled, violations, widest } from './browser';

playing();

const most = 60;
const found: string[] = [];

const ours = ['web', 'mischief', 'dies', 'elsewhere'];

// Links to the same page with other filters are one page, and so are those of extensions that are like each other.
function nameOf(url: URL): string {
  const tab = url.searchParams.get('tab');
  const path = url.pathname
    .replace(/^\/operations\/[^/]+$/, '/operations/:id')
    .replace(/^\/extensions\/([^/]+)/, (all, id: string) => (ours.includes(id) ? all : '/extensions/:id'));
  return path + (tab === null ? '' : `?tab=${tab}`);
}

async function linksOf(page: Page): Promise<string[]> {
  return page.evaluate(() => [...document.querySelectorAll<HTMLAnchorElement>('a[href]')].map((a) => a.href).filter((href) => href.startsWith(location.origin)));
}

async function tabsOf(page: Page): Promise<string[]> {
  const addresses: string[] = [];
  for (const tab of await page.getByRole('tab').all()) {
    await tab.click();
    await tab.and(page.locator('[aria-selected="true"]')).waitFor();
    addresses.push(page.url());
  }
  return addresses;
}

beforeAll(async () => {
  await dream('install', 'web');
  await dream('install', 'mischief');
  await dream('install', 'dies').catch(() => undefined); // installed, and ends at once
  const page = await open('/');
  await settled(page);
  const seen = new Map<string, string>();
  const queue = [page.url()];
  while (queue.length > 0 && seen.size < most) {
    const next = queue.shift() ?? '';
    const name = nameOf(new URL(next));
    if (seen.has(name) || /^\/(docs|openapi|api)/.test(new URL(next).pathname)) continue;
    seen.set(name, next);
    await page.goto(next);
    await page.locator('#main h1').first().waitFor();
    await settled(page);
    queue.push(...(await linksOf(page)), ...(await tabsOf(page)));
  }
  found.push(...seen.values());
}, 300_000);

it('finds the pages', () => {
  const paths = found.map((href) => nameOf(new URL(href)));
  expect(paths).toEqual(expect.arrayContaining(['/', '/extensions', '/extensions/mischief', '/operations', '/operations/:id', '/security', '/settings']));
  expect(found.length).toBeLessThan(most);
});

it.each([
  { name: 'light, wide', scheme: 'light' as const },
  { name: 'dark, on a phone', scheme: 'dark' as const, viewport: phone },
])(
  'shows all of them well: $name',
  async (view) => {
    const page = await open('/', view);
    const wrong: string[] = [];
    for (const href of found) {
      await page.goto(href);
      await page.locator('#main h1').first().waitFor();
      for (const what of [...(await violations(page)), ...(await widest(page))]) wrong.push(`${nameOf(new URL(href))}: ${what}`);
    }
    expect(wrong).toEqual([]);
    expect(errors).toEqual([]);
    expect(await page.evaluate(() => (window as { ran?: unknown }).ran)).toBeUndefined();
  },
  300_000,
);

it('shows them without the host agent', async () => {
  await machine('/agent/stop');
  const page = await open('/', { scheme: 'dark' });
  await page.getByText('The host agent is away', { exact: false }).first().waitFor();
  const wrong: string[] = [];
  for (const href of found) {
    await page.goto(href);
    await page.locator('#main h1').first().waitFor();
    for (const what of await violations(page)) wrong.push(`${nameOf(new URL(href))}: ${what}`);
  }
  await machine('/agent/start');
  expect(wrong).toEqual([]);
  expect(errors).toEqual([]);
}, 300_000);
