import { describe, expect, it } from 'vitest';

import type { Feature } from '../../api/types';
import { needsOf, stepOf } from './next';

describe('stepOf', () => {
  it.each([
    ['POST /api/extensions/n8n/install', undefined, { kind: 'change', action: 'install', id: 'n8n' }],
    ['POST /api/extensions/n8n/enable', 'dream enable n8n', { kind: 'change', action: 'enable', id: 'n8n' }],
    ['GET /api/features/chat/enable', undefined, { kind: 'guide' }],
    ['POST /api/extensions/n8n/logs', 'dream logs n8n', { kind: 'look', id: 'n8n' }],
    [undefined, 'dream up llama-server', { kind: 'command', command: 'dream up llama-server' }],
    [undefined, undefined, { kind: 'none' }],
    ['DELETE /api/extensions/n8n', 'dream uninstall n8n', { kind: 'command', command: 'dream uninstall n8n' }],
    ['POST /api/extensions/../session/start', undefined, { kind: 'none' }],
    ['POST https://evil.example/api/extensions/n8n/start', undefined, { kind: 'none' }],
  ])('%s, %s', (request, command, want) => {
    expect(stepOf({ next: { text: 'x', ...(request && { request }), ...(command && { command }) } })).toEqual(want);
  });
});

it('one command brings up all that it lacks of what is switched on', () => {
  const requirements = { servicesAll: ['llama-server', 'open-webui', 'n8n'], services: [], servicesMissing: ['llama-server', 'open-webui', 'n8n'] };
  const next = { text: 'Start it', command: 'dream up llama-server' };
  expect(stepOf({ next, requirements }, new Set(['llama-server', 'open-webui']))).toEqual({ kind: 'command', command: 'dream up llama-server open-webui' });
  expect(stepOf({ next, requirements })).toEqual({ kind: 'command', command: 'dream up llama-server' });
});

describe('needsOf', () => {
  const requirements = { vramGb: 8, vramOk: true, diskGb: 4, diskOk: true, unknown: [] } as unknown as Feature['requirements'];
  it('says what it takes', () => expect(needsOf({ requirements, setupTime: '10 minutes' })).toEqual(['8 GB VRAM', '4 GB disk', 'Set-up: 10 minutes']));
  it('says what does not fit, and what nobody knows', () =>
    expect(needsOf({ requirements: { ...requirements, vramOk: false, diskOk: false, unknown: ['disk'] }, setupTime: 'Unknown' })).toEqual([
      '8 GB VRAM, too much for this machine',
      '4 GB disk, not known whether it fits',
    ]));
  it('says nothing of what is ready', () => expect(needsOf({ requirements: { ...requirements, vramGb: 0, diskGb: 0 }, setupTime: 'ready' })).toEqual([]));
  it('says nothing of what it does not take', () => expect(needsOf({ requirements: { ...requirements, vramGb: 0, diskGb: 0 }, setupTime: '' })).toEqual([]));
});
