import { describe, expect, it } from 'vitest';

import type { Operation, Stage } from '../api/types';
import { noticeOfOperation, remediesOf } from './failure';

const failed = (...stages: Stage['name'][]): Operation => ({
  id: '1', kind: 'install', extension: 'x', state: 'failed', started: '2026-01-01T00:00:00Z', ended: '2026-01-01T00:00:09Z', actor: 'x',
  stages: stages.map((name) => ({ name, started: '2026-01-01T00:00:00Z' })),
});

describe('noticeOfOperation', () => {
  it.each([
    ['an image that cannot be had', failed('check', 'pull', 'undo'), { code: 'start_failed', detail: 'no such image' }, 'Install failed', 'registry'],
    ['a build', failed('check', 'build'), { code: 'start_failed', detail: 'exit 1' }, 'Install failed', 'step of the build'],
    ['a container that ends', failed('check', 'create', 'wait'), { code: 'start_failed', detail: 'it ended with 1', log: 'FATAL' }, 'Install failed', 'end of its log'],
    ['a policy', failed('check'), { code: 'policy_denied', detail: 'no team' }, 'Install failed: policy denied', 'Security'],
    ['a port', failed('check'), { code: 'port_taken', detail: 'stop it, or set X in .env' }, 'Install failed: port taken', ''],
  ])('names what was tried, and what to do after %s', (_, operation, error, title, next) => {
    const notice = noticeOfOperation(operation, error);
    expect(notice.title).toBe(title);
    expect(notice.next).toContain(next);
  });
});

it.each([
  ['policy_denied', failed('check'), { policies: true, log: false, settings: false }],
  ['start_failed', failed('pull', 'undo'), { policies: false, log: false, settings: false }],
  ['start_failed', failed('pull', 'wait', 'undo'), { policies: false, log: true, settings: false }],
  ['port_taken', failed('check'), { policies: false, log: false, settings: true }],
])('leads from %s to what helps', (code, operation, want) => expect(remediesOf(operation, code)).toEqual(want));
