import { describe, expect, it } from 'vitest';

import { isOn, standingOf } from './state';
import { extension } from './testing';

describe('standingOf', () => {
  it.each([
    ['fine', extension('x', { status: 'enabled', runtime: { health: 'healthy', state: 'running', reason: 'old' } }), 'healthy', ''],
    ['why not', extension('x', { status: 'enabled', runtime: { health: 'unhealthy', state: 'running', health_reason: '502 from /' } }), 'unhealthy', '502 from /'],
    ['a start that failed', extension('x', { status: 'enabled', runtime: { state: 'failed', health: 'down', reason: 'exit 1' } }), 'failed', 'exit 1'],
    ['quarantined', extension('x', { status: 'enabled', problem: 'no image' }), 'failed', 'no image'],
    ['waiting', extension('x', { status: 'disabled', runtime: { pending: 'disable' } }), 'waiting', 'disable'],
    ['not installed', extension('x'), 'not_installed', ''],
    ['cannot be installed', extension('x', { problem: 'no compose file' }), 'not_installed', 'no compose file'],
    ['without a health check', extension('x', { status: 'enabled' }), 'healthy', ''],
    ['that nobody asks', extension('x', { status: 'enabled', runtime: { state: 'running', health: 'unknown', health_reason: 'it has no health path' } }), 'healthy', ''],
    ['whose host agent is away', extension('x', { status: 'enabled', runtime: { state: 'unknown', health: 'down', reason: 'the agent is away', health_reason: 'refused' } }), 'unknown', 'the agent is away'],
    ['that answers without the host agent', extension('x', { status: 'enabled', runtime: { state: 'unknown', health: 'healthy' } }), 'healthy', ''],
    ['a word of a newer API', extension('x', { status: 'enabled', runtime: { state: 'hibernating' } }), 'hibernating', ''],
  ])('%s', (_, entry, status, why) => expect(standingOf(entry)).toMatchObject({ status, why }));

  it('says that it runs where nobody can say more, and why nobody can', () => {
    expect(standingOf(extension('x', { status: 'enabled', runtime: { state: 'running', health: 'unknown', health_reason: 'no health path' } }))).toEqual({ status: 'healthy', label: 'Running', why: '', note: 'no health path' });
  });
  it('says what is being done', () => expect(standingOf(extension('x'), { kind: 'install', state: 'running' }).label).toBe('Installing'));
});

it('a switch shows what is wanted', () => {
  expect(isOn({ status: 'disabled' }, 'enable')).toBe(true);
  expect(isOn({ status: 'enabled' }, 'disable')).toBe(false);
  expect(isOn({ status: 'enabled' }, 'restart')).toBe(true);
  expect(isOn({ status: 'disabled' }, undefined)).toBe(false);
});
