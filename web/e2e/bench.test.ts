// Figures of the catalogue with 500 extensions, for `make bench`. They are printed and not judged: machines differ.
import { it } from 'vitest';

import { open, playing } from './browser';

playing();

interface Measured {
  slowest: number;
  shift: number;
}

it('the catalogue of 500', async () => {
  const page = await open('/settings');
  // Event timing counts from the key to the next picture, in steps of 8 ms.
  await page.addInitScript(() => {
    const measured: Measured = { slowest: 0, shift: 0 };
    (window as unknown as { measured: Measured }).measured = measured;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) measured.slowest = Math.max(measured.slowest, duration);
    }).observe({ type: 'event', durationThreshold: 16, buffered: true } as PerformanceObserverInit);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) if (!entry.hadRecentInput) measured.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto('/extensions');
  await page.getByRole('article').nth(20).waitFor();
  const line = page.getByRole('status').getByText(/^5\d\d extensions$/);
  await line.waitFor();
  const total = await line.textContent();
  await page.keyboard.press('/');
  await page.keyboard.type('many-04', { delay: 60 });
  await page.getByText('10 extensions', { exact: true }).waitFor();
  for (let i = 0; i < 7; i++) await page.keyboard.press('Backspace', { delay: 60 });
  await page.getByLabel('Sort by').selectOption({ label: 'Rating' });
  await page.getByRole('button', { name: /^Not installed/ }).click();
  await page.waitForTimeout(500);
  const { slowest, shift } = await page.evaluate(() => (window as unknown as { measured: Measured }).measured);
  console.log(`catalogue of ${total ?? ''}: slowest answer to a key or click ${slowest} ms (goal 100), layout shift ${shift.toFixed(4)} (goal 0)`);
});
