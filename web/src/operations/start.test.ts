import { describe, expect, it, vi } from 'vitest';

import { Unreachable } from '../api/problem';
import { start } from './start';

function serve(...answers: (Response | Error)[]) {
  const asked: { request: string; headers: Record<string, string>; body: unknown }[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push({ request: `${init.method} ${url}`, headers: init.headers as Record<string, string>, body: init.body });
    const answer = answers[asked.length - 1] ?? new Error('no answer');
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  return asked;
}

const accepted = () => new Response('{"id":"1","state":"running"}', { status: 202, headers: { 'Content-Type': 'application/json' } });
const noPause = () => Promise.resolve();

describe('start', () => {
  it.each([
    [{ action: 'install', id: 'n8n', values: { A: 'b' }, grants: ['gpu'] }, 'POST /api/extensions/n8n/install', '{"values":{"A":"b"},"grants":["gpu"]}'],
    [{ action: 'enable', id: 'n8n', withDependencies: true }, 'POST /api/extensions/n8n/enable?with_dependencies=true', null],
    [{ action: 'enable', id: 'n8n' }, 'POST /api/extensions/n8n/enable', null],
    [{ action: 'restart', id: 'n8n' }, 'POST /api/extensions/n8n/restart', null],
    [{ action: 'uninstall', id: 'n8n', forgetConfig: true }, 'DELETE /api/extensions/n8n?forget_config=true', null],
  ] as const)('%o', async (change, request, body) => {
    const asked = serve(accepted());
    expect(await start(change as Parameters<typeof start>[0], 'key')).toMatchObject({ id: '1' });
    expect(asked).toMatchObject([{ request, body, headers: { Prefer: 'respond-async', 'Idempotency-Key': 'key' } }]);
  });

  it('repeats what got no answer, as the same wish', async () => {
    const asked = serve(new TypeError('network'), accepted());
    await start({ action: 'start', id: 'n8n' }, undefined, noPause);
    expect(asked).toHaveLength(2);
    expect(asked[0]?.headers['Idempotency-Key']).toBe(asked[1]?.headers['Idempotency-Key']);
  });

  it('gives up after three attempts', async () => {
    const asked = serve();
    await expect(start({ action: 'start', id: 'n8n' }, 'key', noPause)).rejects.toBeInstanceOf(Unreachable);
    expect(asked).toHaveLength(3);
  });

  it('does not repeat a refusal', async () => {
    const asked = serve(new Response('{"code":"busy","detail":"no"}', { status: 409, headers: { 'Content-Type': 'application/problem+json' } }));
    await expect(start({ action: 'start', id: 'n8n' }, 'key', noPause)).rejects.toMatchObject({ code: 'busy' });
    expect(asked).toHaveLength(1);
  });
});
