import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { accessible, dream, errors, key, machine, open, phone, playing, url } from './browser';

playing();

const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name });

async function operations(page: Page, id: string): Promise<{ id: string; kind: string; state: string }[]> {
  const reply = await page.request.get(`/api/operations?extension=${id}`);
  return ((await reply.json()) as { operations: { id: string; kind: string; state: string }[] }).operations;
}

async function statusOf(page: Page, id: string): Promise<string> {
  const reply = await page.request.get(`/api/extensions/${id}`);
  return ((await reply.json()) as { status: string }).status;
}

async function press(page: Page, ...keys: string[]): Promise<void> {
  for (const one of keys) await page.keyboard.press(one);
}

// reach moves the focus with Tab alone, as a keyboard does.
async function reach(page: Page, role: 'button' | 'link' | 'checkbox', name: string | RegExp): Promise<void> {
  const wanted = page.getByRole('main').getByRole(role, { name, exact: true });
  await wanted.first().waitFor();
  for (let i = 0; i < 80; i++) {
    if (await wanted.first().evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not get to the ${role} ${String(name)}`);
}

describe('an install', () => {
  it('with the keyboard alone, through a reload, another tab and a session that ends', async () => {
    const page = await open('/extensions');
    await heading(page, 'Extensions').waitFor();
    await press(page, '/');
    await page.keyboard.type('big one');
    await page.getByText('1 extension', { exact: true }).waitFor();
    await reach(page, 'link', 'Big one');
    await press(page, 'Enter');
    await heading(page, 'Big one').waitFor();
    await reach(page, 'link', 'Install');
    await press(page, 'Enter');
    await page.getByRole('heading', { name: 'What it may do' }).waitFor();
    await accessible(page);

    // What it asks for is allowed one by one, and nothing is done before.
    await reach(page, 'button', 'Install');
    await press(page, 'Enter');
    await page.getByText('It does not run without this.').waitFor();
    expect(await operations(page, 'big')).toEqual([]);
    const grant = page.getByRole('checkbox', { name: /It may/ });
    expect(await grant.evaluate((element) => element === document.activeElement)).toBe(true);
    await press(page, 'Space');
    await machine('/registry/pass', { mb: '30' });
    await reach(page, 'button', 'Install');
    await press(page, 'Enter');
    await page.getByText(/MiB|MB/).first().waitFor();
    await accessible(page);

    await page.reload();
    await page.getByText(/MiB|MB/).first().waitFor();
    const other = await page.context().newPage();
    await other.goto('/operations');
    await other.getByRole('article').filter({ has: other.getByRole('link', { name: 'Install big' }) }).getByText('Running').waitFor();

    await page.request.delete('/api/session', { headers: { Origin: url } });
    const asks = page.getByRole('dialog', { name: 'Your session has ended' });
    await machine('/registry/pass', { mb: '50' });
    await asks.waitFor();
    await page.getByLabel('Key', { exact: true }).fill(key);
    await press(page, 'Enter');
    await asks.waitFor({ state: 'detached' });
    await machine('/registry/open');
    await page.getByText('It runs.').waitFor();
    await accessible(page);
    expect(await operations(page, 'big')).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it('that is cancelled leaves nothing', async () => {
    await machine('/registry/pass', { mb: '2' });
    const page = await open('/extensions/other/install');
    await page.getByRole('button', { name: 'Install', exact: true }).click();
    await page.getByRole('button', { name: /Cancel/ }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel and undo' }).click();
    await page.getByText('Cancelled.').waitFor();
    expect(await statusOf(page, 'other')).toBe('not_installed');
    await machine('/registry/open');
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  });

  it('that fails says why, and what to do next', async () => {
    const page = await open('/extensions/lost/install', { scheme: 'dark' });
    await page.getByRole('button', { name: 'Install', exact: true }).click();
    await page.getByText(/not found|cannot be had/).first().waitFor();
    await accessible(page);
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    expect(await statusOf(page, 'lost')).toBe('not_installed');

    await page.goto('/extensions/dies/install');
    await page.getByRole('button', { name: 'Install', exact: true }).click();
    await page.getByText('the cause is here').first().waitFor();
    await accessible(page);
  });

  it('that is clicked twice happens once', async () => {
    const page = await open('/extensions/web/install');
    await page.getByRole('button', { name: 'Install', exact: true }).dblclick();
    await page.getByText('It runs.').waitFor();
    expect((await operations(page, 'web')).filter(({ kind }) => kind === 'install')).toHaveLength(1);
  });

  it('of what is not any more what was shown asks again', async () => {
    const page = await open('/extensions/changes/install');
    const button = page.getByRole('button', { name: 'Install', exact: true });
    await button.waitFor();
    await page.getByText('What happens').waitFor();
    await machine('/write', { file: 'data/extensions-library/changes/compose.yaml' }, fragment('changes', '2000'));
    await button.click();
    await page.getByText('is not what was planned any more', { exact: false }).first().waitFor();
    expect(await statusOf(page, 'changes')).toBe('not_installed');
    await accessible(page);
    await page.getByRole('button', { name: 'Try again' }).click();
    await button.click();
    await page.getByText('It runs.').waitFor();
  });
});

// The image is that of the extension as it was.
function fragment(id: string, seconds: string): string {
  return `services: {${id}: {image: "${process.env.DREAM_IMAGE ?? ''}", init: true, command: ["/bin/busybox", "sleep", "${seconds}"]}}\n`;
}

describe('an extension that is there', () => {
  it('is configured, and its secret is never shown', async () => {
    const page = await open('/extensions/web?tab=configuration');
    await page.getByRole('textbox', { name: /WEB_GREETING/ }).fill('good day');
    await page.getByRole('button', { name: /Make.*WEB_TOKEN/ }).click();
    await page.getByRole('button', { name: /^Save/ }).first().click();
    await page.getByText(/saved|set|restart/i).first().waitFor();
    const shown = await dream('config', 'web');
    expect(shown).toContain('good day');
    const token = /^WEB_TOKEN="?([^"\n]+)/m.exec(await machine('/read', { file: '.env' }))?.[1] ?? '';
    expect(token.length).toBeGreaterThan(8);
    await page.reload();
    await page.getByRole('textbox', { name: /WEB_GREETING/ }).waitFor();
    expect(await page.content()).not.toContain(token);
  });

  it('shows its log as it is written, finds in it, and keeps it', async () => {
    const page = await open('/extensions/web?tab=logs', { viewport: phone });
    await page.getByText('line 2999', { exact: false }).first().waitFor();
    await page.getByRole('searchbox').or(page.getByLabel(/Search|Find/)).first().fill('line 2998');
    await page.locator('mark').first().waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /Download/ }).click()]);
    expect(saved.suggestedFilename()).toMatch(/web.*\.(log|txt)$/);
  });

  it('is disabled with the names of who needs it, enabled again, and uninstalled', async () => {
    await dream('install', 'needs-web');
    const page = await open('/extensions/web');
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Needs web').waitFor();
    await accessible(page);
    await press(page, 'Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await statusOf(page, 'web')).toBe('enabled');

    await page.goto('/extensions/needs-web');
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disable', exact: true }).click().catch(() => undefined);
    await page.getByRole('button', { name: /Uninstall/ }).click();
    await accessible(page);
    await page.getByRole('dialog').getByRole('button', { name: /Uninstall/ }).click();
    await expect.poll(() => statusOf(page, 'needs-web'), { timeout: 20_000 }).toBe('not_installed');
    expect(errors).toEqual([]);
  });

  it('cannot be changed with a key that may only look', async () => {
    const reader = await machine('/key', { name: 'guest', scope: 'read' });
    const page = await open('/extensions/web', { key: reader });
    await heading(page, 'Web').waitFor();
    for (const name of ['Disable', 'Stop', 'Restart']) {
      const button = page.getByRole('button', { name, exact: true });
      if (await button.count()) expect(await button.first().isDisabled(), name).toBe(true);
    }
    await accessible(page);
    expect(errors).toEqual([]);
  });
});
