// A real browser in front of the real dashboard. DREAM_URL is where it is, DREAM_KEY opens it, and DREAM_CONTROL moves the
// machine around it; e2e/pages_test.go gives them.
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

export const url = needed('DREAM_URL');
export const key = needed('DREAM_KEY');

function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these stories are played by \`make test\`, or by go test ./e2e`);
  return value;
}

const wide = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

let browser: Browser;
let opened: BrowserContext[] = [];

/** playing starts a browser for the tests of a file. What a page writes to the console as an error fails its test. */
export function playing(): void {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: process.env.DREAM_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await tell();
    await Promise.all(opened.map((context) => context.close()));
    opened = [];
  });
  afterAll(async () => {
    await browser.close();
  });
}

// tell prints what the pages show, for who reads of the failure.
async function tell(): Promise<void> {
  for (const page of opened.flatMap((context) => context.pages())) {
    console.log(page.url(), errors, await page.locator('body').ariaSnapshot());
  }
}

export interface View {
  scheme?: 'light' | 'dark';
  viewport?: { width: number; height: number };
  key?: string;
  /** Do not sign in. */
  stranger?: boolean;
}

/** errors are what the pages of a test have said that no page of ours may say. */
export const errors: string[] = [];

/** newContext is a browser of its own: other cookies, other storage. */
export async function newContext(view: View = {}): Promise<BrowserContext> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: view.viewport ?? wide,
    colorScheme: view.scheme ?? 'light',
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  opened.push(context);
  context.setDefaultTimeout(20_000);
  errors.length = 0;
  context.on('weberror', (error) => errors.push(String(error.error())));
  context.on('console', (message) => {
    // A request that was refused is part of many stories; a blocked script or a broken component of none.
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) errors.push(message.text());
  });
  context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol.startsWith('http')) errors.push(`asked another host: ${request.url()}`);
  });
  return context;
}

/** open is a page at a path, signed in. */
export async function open(path: string, view: View = {}): Promise<Page> {
  const context = await newContext(view);
  if (!view.stranger) {
    const reply = await context.request.post('/api/session', { data: { key: view.key ?? key }, headers: { Origin: url } });
    expect(reply.ok(), await reply.text()).toBe(true);
  }
  const page = await context.newPage();
  await page.goto(path);
  return page;
}

/** machine asks for what happens around the dashboard, see e2e/pages_test.go. */
export async function machine(path: string, query: Record<string, string | string[]> = {}, body?: string): Promise<string> {
  const where = new URL(path, needed('DREAM_CONTROL'));
  for (const [name, values] of Object.entries(query)) for (const value of [values].flat()) where.searchParams.append(name, value);
  const reply = await fetch(where, { method: 'POST', body });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${path}: ${text}`);
  return text;
}

/** dream runs the command line. */
export const dream = (...args: string[]) => machine('/dream', { arg: args });

/** settled waits until nothing loads or moves. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => undefined))));
}

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: unknown[]; failureSummary?: string }[] }[];
}

/** violations is what axe finds to mend in what the page shows now. */
export async function violations(page: Page): Promise<string[]> {
  await settled(page);
  await page.evaluate(axe.source);
  const { violations: found } = await page.evaluate(() => (window as unknown as { axe: { run: () => Promise<AxeResult> } }).axe.run());
  return found.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${String(n.target)} ${n.failureSummary ?? ''}`).join('; ')}`);
}

/** accessible expects that axe finds nothing to mend in what the page shows now. */
export async function accessible(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([]);
}

/** widest is what is wider than the screen; nothing where everything fits. */
export async function widest(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const screen = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= screen) return [];
    const wide = [...document.querySelectorAll('main *')].filter((element) => element.getBoundingClientRect().right > screen + 1);
    return [`wider than the screen: ${wide.slice(0, 3).map((element) => `${element.tagName}.${element.className}`).join(' > ')}`];
  });
}

/** fits expects that nothing is wider than the screen. */
export async function fits(page: Page): Promise<void> {
  expect(await widest(page)).toEqual([]);
}
