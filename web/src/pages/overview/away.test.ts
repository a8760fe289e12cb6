import { describe, expect, it } from 'vitest';

import type { Service } from '../../api/types';
import { saysAway, seen, waits } from './away';

const away = { available: false, reason: 'dial unix /run/dream.sock: no such file' };
const there = { available: true };
const service = (status: string, reason?: string): Service => ({ id: 'a', name: 'a', port: 1, external_port: 1, status: status as Service['status'], ...(reason !== undefined && { reason }) });

describe('seen', () => {
  it('takes what does not answer for down while the agent is there', () => expect(seen(service('down', 'connection refused'), there).status).toBe('down'));
  it('knows nothing of it while the agent is away', () => {
    const { status, reason } = seen(service('down', 'connection refused'), away);
    expect(status).toBe('unknown');
    expect(reason).toContain('does not answer');
  });
  it('repeats nothing of the banner', () => expect(seen(service('unknown', `the host agent is away: ${away.reason}`), away).reason).toBeUndefined());
  it('keeps what an answer shows', () => expect(seen(service('unhealthy', 'it answers 500'), away)).toEqual(service('unhealthy', 'it answers 500')));
});

it('says what the banner says already', () => {
  expect(saysAway('llama-server: the host agent is away', away)).toBe(true);
  expect(saysAway(`asked: ${away.reason}`, away)).toBe(true);
  expect(saysAway('n8n does not run', away)).toBe(false);
  expect(saysAway('the host agent does not reach Docker', there)).toBe(false);
});

it('a log waits for the agent', () => {
  const next = { text: 'Read the log', command: 'dream logs n8n', request: 'POST /api/extensions/n8n/logs' };
  expect(waits({ next }, away)).toBe(true);
  expect(waits({ next }, there)).toBe(false);
  expect(waits({ next: { text: 'Start', request: 'POST /api/extensions/n8n/start' } }, away)).toBe(false);
});
