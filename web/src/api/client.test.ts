import { afterEach, describe, expect, it, vi } from 'vitest';

import { addressOf, ask, forgetReplies, newKey, whenSignedOut } from './client';
import { Problem, Unreachable } from './problem';

afterEach(() => {
  forgetReplies();
  whenSignedOut(undefined);
});

const json = (body: unknown, init: ResponseInit = {}) =>
  new Response(JSON.stringify(body), { ...init, headers: { 'Content-Type': 'application/json', ...init.headers } });

function serve(...answers: (Response | Error)[]) {
  const asked: { url: string; headers: Record<string, string>; body: unknown }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push({ url, headers: init.headers as Record<string, string>, body: init.body });
    const answer = answers[asked.length - 1];
    if (answer === undefined) throw new Error(`request ${asked.length} was not expected`);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  return asked;
}

describe('ask', () => {
  it('sends the ETag that it knows, and answers a 304 with what it has', async () => {
    const asked = serve(json({ features: [] }, { headers: { ETag: '"a-1"' } }), new Response(null, { status: 304 }));
    const first = await ask('get', '/api/features');
    const second = await ask('get', '/api/features');
    expect(asked.map(({ headers }) => headers['If-None-Match'])).toEqual([undefined, '"a-1"']);
    expect(second).toBe(first);
  });

  it('says when something else answers, or in a form that is not known', async () => {
    serve(new Response('<h1>Welcome</h1>', { headers: { 'Content-Type': 'text/html' } }), new Response('{"sta', { headers: { 'Content-Type': 'application/json' } }), json({}));
    await expect(ask('get', '/api/status')).rejects.toMatchObject({ name: 'Unreachable', by: 'between' });
    await expect(ask('get', '/api/status')).rejects.toMatchObject({ name: 'Unreachable', by: 'silent' });
    await expect(ask('get', '/api/status')).rejects.toMatchObject({ name: 'Problem', code: 'misfit' });
  });

  it('knows nothing any more after a session', async () => {
    const asked = serve(json({}, { headers: { ETag: '"a-1"' } }), json({}));
    await ask('get', '/api/features');
    forgetReplies();
    await ask('get', '/api/features');
    expect(asked[1]?.headers['If-None-Match']).toBeUndefined();
  });

  it('waits for a new session, and then sends the same again', async () => {
    const asked = serve(new Response(null, { status: 401 }), json({ id: '1' }));
    const signedIn = vi.fn(() => Promise.resolve());
    whenSignedOut(signedIn);
    const reply = await ask('post', '/api/extensions/{id}/start', { path: { id: 'hello' }, headers: { 'Idempotency-Key': 'k' } });
    expect(reply).toEqual({ id: '1' });
    expect(signedIn).toHaveBeenCalledOnce();
    expect(asked.map(({ headers }) => headers['Idempotency-Key'])).toEqual(['k', 'k']);
  });

  it('does not ask for a key where the question is whether there is a session', async () => {
    serve(json({ detail: 'no key', code: 'unauthorized' }, { status: 401 }));
    whenSignedOut(() => Promise.reject(new Error('asked for')));
    await expect(ask('get', '/api/session', { anonymous: true })).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
  });

  it.each([
    ['a refusal', json({ detail: 'n8n is busy', code: 'busy' }, { status: 409 }), Problem],
    ['a page of a proxy', new Response('<h1>Bad Gateway</h1>', { status: 502, headers: { 'Content-Type': 'text/html' } }), Unreachable],
    ['the dashboard, of the API', new Response('{"code":"api_away"}', { status: 503, headers: { 'Content-Type': 'application/problem+json' } }), Unreachable],
    ['no network', new TypeError('Failed to fetch'), Unreachable],
    ['a reply that is cut off', new Response('{"a":', { headers: { 'Content-Type': 'application/json' } }), Unreachable],
  ])('throws what it is: %s', async (_, answer, kind) => {
    serve(answer);
    await expect(ask('get', '/api/status')).rejects.toBeInstanceOf(kind);
  });
});

describe('addressOf', () => {
  it.each([
    ['/api/extensions/{id}', { id: 'n8n' }, undefined, '/api/extensions/n8n'],
    ['/api/extensions/{id}', { id: 'a/../b?c#d' }, undefined, '/api/extensions/a%2F..%2Fb%3Fc%23d'],
    ['/api/operations', undefined, { extension: 'a&b', limit: 5, state: undefined }, '/api/operations?extension=a%26b&limit=5'],
    ['/api/x', undefined, { grants: ['gpu', 'build'] }, '/api/x?grants=gpu&grants=build'],
  ])('%s %o %o', (path, params, query, want) => expect(addressOf(path, params, query)).toBe(want));

  it.each(['.', '..', ''])('refuses %j, which browsers take for a step upwards', (id) => {
    expect(() => addressOf('/api/operations/{id}/cancel', { id }, undefined)).toThrow('is no id');
  });
});

it('newKey is another one each time', () => expect(new Set([newKey(), newKey(), newKey()]).size).toBe(3));
