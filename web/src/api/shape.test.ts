import { describe, expect, it } from 'vitest';

import { fits, isOperation } from './shape';

const operation = { id: 'op-1', kind: 'install', extension: 'n8n', actor: 'session:admin', state: 'running', started: '2026-01-02T03:04:05Z' };

describe('fits', () => {
  it.each([[null], [[]], [{}], ['x'], [{ version: '2.1.0' }], [{ version: '2.1.0', agent: null }], [{ version: '2.1.0', agent: { available: true, reason: {} } }]])(
    'no status is %j',
    (body) => expect(fits('/api/status', body)).toBe(false),
  );
  it('a status has a version and an agent', () => expect(fits('/api/status', { version: '2.1.0', agent: { available: false, reason: 'gone' } })).toBe(true));
  it('a session says who, and what that may', () => {
    expect(fits('/api/session', {})).toBe(false);
    expect(fits('/api/session', { who: 'session:admin', scope: 'admin' })).toBe(true);
    expect(fits('/api/session', { status: 'signed_out' })).toBe(true);
  });
  it('a list may be null, and nothing else', () => {
    expect(fits('/api/services', null)).toBe(true);
    expect(fits('/api/services', [{ id: 'a' }])).toBe(true);
    expect(fits('/api/services', {})).toBe(false);
    expect(fits('/api/services', [null])).toBe(false);
    expect(fits('/api/operations', { operations: null })).toBe(true);
    expect(fits('/api/operations', { operations: [{ id: 'op-1' }] })).toBe(false);
  });
  it('of a route that it knows nothing of, an answer has fields', () => {
    expect(fits('/api/doctor', {})).toBe(true);
    expect(fits('/api/doctor', null)).toBe(false);
  });
});

describe('isOperation', () => {
  it('has what a list shows', () => expect(isOperation({ ...operation, stages: null })).toBe(true));
  it.each(['kind', 'extension', 'state', 'started'])('takes %s', (name) => expect(isOperation({ ...operation, [name]: undefined })).toBe(false));
  it('has stages with names', () => expect(isOperation({ ...operation, stages: [{}] })).toBe(false));
});
