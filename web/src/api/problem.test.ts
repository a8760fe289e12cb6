import { describe, expect, it } from 'vitest';

import { noticeOf, noticeOfFailure, Problem, problemOf, Unreachable } from './problem';

const reply = (body: string, type: string, headers: Record<string, string> = {}) => new Response(body, { status: 429, headers: { 'Content-Type': type, ...headers } });

describe('problemOf', () => {
  it('reads a problem document', async () => {
    const problem = await problemOf(reply('{"title":"Too many attempts","detail":"wait","code":"too_many_attempts"}', 'application/problem+json', { 'Retry-After': '12' }));
    expect(problem).toMatchObject({ message: 'wait', code: 'too_many_attempts', retryAfter: 12, items: [] });
  });
  it('leaves out what is not as it should be', async () => {
    const items = [{ message: 'one', file: 'compose.yaml' }, { message: 2 }, null, { message: 'three', path: {} }];
    expect(await problemOf(reply(JSON.stringify({ detail: 'no', title: 7, code: null, errors: items }), 'application/problem+json'))).toMatchObject({
      message: 'no', code: 'unknown', title: 'Status 429', items: [{ message: 'one', file: 'compose.yaml' }],
    });
    expect(await problemOf(reply('{"detail":"no","errors":"all"}', 'application/problem+json'))).toMatchObject({ message: 'no', items: [] });
  });
  it.each([
    ['a page', '<h1>no</h1>', 'text/html'],
    ['half a document', '{"detail"', 'application/problem+json'],
    ['null', 'null', 'application/json'],
  ])('takes the status of %s', async (_, body, type) => {
    expect(await problemOf(reply(body, type))).toMatchObject({ status: 429, code: 'unknown', message: 'The API answered with status 429.' });
  });
});

describe('noticeOf', () => {
  it('takes the log out of detail and causes', () => {
    const problem = new Problem(
      { title: 'Start failed', code: 'start_failed', detail: 'hello exited with 1:\nboom\n', errors: [{ message: 'exit 1' }, { rule: 'log', message: 'boom' }] },
      502,
    );
    expect(noticeOf(problem)).toEqual({ title: 'Start failed', detail: 'hello exited with 1.', items: [{ message: 'exit 1' }], log: 'boom', next: '', code: 'start_failed' });
  });
  it('says what to do when nobody answers, and promises nothing', () => {
    expect(noticeOf(new Unreachable(undefined)).next).toContain('dream status');
    expect(noticeOf(new Unreachable(undefined)).next).not.toContain('by itself');
  });
  it('says that something else answers', () => expect(noticeOf(new Unreachable(undefined, 'between')).title).toContain('Something else answers'));
  it('says when to try again', () => expect(noticeOf(new Problem({ code: 'too_many_attempts' }, 429, 11.2)).next).toBe('Try again in 12 seconds.'));
  it.each([
    ['in one line', 'extension "x": port 80 on 127.0.0.1 is taken by web: stop it, or set X_PORT in .env', { message: 'port 80 is taken by web', fix: 'set X_PORT in .env' }, 0],
    ['in one line, but for what to do', 'extension "x": port 80 is taken by web', { message: 'port 80 is taken by web', fix: 'set X_PORT' }, 1],
    ['in one line, but for where', 'port 80 is taken', { message: 'port 80 is taken', file: 'compose.yaml' }, 1],
    ['in other words', 'it ended with 1', { message: 'exit 1' }, 1],
    ['far apart', 'a port of the extension that nobody has opened is not taken', { message: 'port is taken' }, 1],
  ])('says a cause once that is told %s', (_, detail, item, left) => {
    expect(noticeOf(new Problem({ detail, errors: [item] }, 409))).toMatchObject({ detail, items: left === 0 ? [] : [item] });
  });
  it('lists causes that a detail has line by line', () => {
    const errors = [{ message: 'is a socket', path: 'services.a' }, { message: 'is privileged', path: 'services.b' }];
    expect(noticeOf(new Problem({ detail: 'refused by the scan:\nservices.a: is a socket; x\nservices.b: is privileged; y', errors }, 422))).toMatchObject({ detail: 'refused by the scan.', items: errors });
  });
  it('leaves the hooks of policies out, and says where the policies are', () => {
    const notice = noticeOf(new Problem({ code: 'policy_denied', detail: 'refused', errors: [{ rule: 'tags', path: 'on_service_apply', message: 'no team' }] }, 409));
    expect(notice.items).toEqual([{ rule: 'tags', path: '', message: 'no team' }]);
    expect(notice.next).toContain('Security');
  });
  it('shows what is no error, too', () => expect(noticeOf('odd').detail).toBe('odd'));
});

describe('noticeOfFailure', () => {
  it('prefers the log of the operation', () =>
    expect(noticeOfFailure({ code: 'start_failed', detail: 'it died', log: 'all of it' })).toMatchObject({ title: 'Start failed', log: 'all of it' }));
  it('names a code that it does not know', () => expect(noticeOfFailure({ code: 'moon_phase', detail: 'full' }).title).toBe('Moon phase'));
});
