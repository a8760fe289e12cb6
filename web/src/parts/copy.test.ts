import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { copyText } from './copy';

let shown: HTMLElement;
beforeEach(() => {
  shown = document.createElement('code');
  shown.textContent = 'dream status';
  document.body.append(shown);
});
afterEach(() => {
  shown.remove();
  Reflect.deleteProperty(document, 'execCommand');
});

function browser({ clipboard, oldWay }: { clipboard?: 'works' | 'refuses'; oldWay: boolean }) {
  const written: string[] = [];
  const writeText = (text: string) => (clipboard === 'works' ? Promise.resolve(void written.push(text)) : Promise.reject(new DOMException('no', 'NotAllowedError')));
  vi.stubGlobal('navigator', clipboard === undefined ? {} : { clipboard: { writeText } });
  Object.assign(document, { execCommand: () => oldWay && Boolean(written.push(window.getSelection()?.toString() ?? '')) });
  return written;
}

it('copies where the browser has a clipboard for us', async () => {
  const written = browser({ clipboard: 'works', oldWay: false });
  expect(await copyText('dream status', shown)).toBe('copied');
  expect(written).toEqual(['dream status']);
});

it.each([{ clipboard: 'refuses' as const }, {}])('selects the text and copies that on plain http, or when refused: %j', async (has) => {
  const written = browser({ ...has, oldWay: true });
  expect(await copyText('dream status', shown)).toBe('copied');
  expect(written).toEqual(['dream status']);
});

it('leaves the text selected where nothing else works', async () => {
  browser({ oldWay: false });
  expect(await copyText('dream status', shown)).toBe('selected');
  expect(window.getSelection()?.toString()).toBe('dream status');
  expect(await copyText('dream status', null)).toBe('failed');
});
