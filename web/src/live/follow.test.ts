import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Connection, delayAfter, follow } from './follow';
import type { Message } from './sse';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => void vi.useRealTimers());

const refusal = (status: number) => new Response(JSON.stringify({ status, code: 'unavailable', detail: 'no' }), { status, headers: { 'Content-Type': 'application/problem+json' } });
const streamOf = (text: string) => new Response(text, { headers: { 'Content-Type': 'text/event-stream' } });

/** Answers one request after the other, and says what was asked. The last answer is for all that follow. */
function serve(...answers: (() => Response | Promise<Response>)[]) {
  const asked: (string | undefined)[] = [];
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    asked.push((init.headers as Record<string, string>)['Last-Event-ID']);
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    if (answer === undefined) throw new Error('nothing to answer');
    return Promise.resolve().then(answer);
  });
  return asked;
}

function listen(lastID?: string, reachable = false) {
  const stop = new AbortController();
  const messages: Message[] = [];
  const states: Connection[] = [];
  const done = follow(
    '/api/events',
    { onMessage: (message) => messages.push(message), onConnection: (state) => states.push(state), reachable: () => Promise.resolve(reachable) },
    stop.signal,
    lastID,
  );
  return { messages, states, end: () => (stop.abort(), done) };
}

describe('follow', () => {
  it('goes on where the stream ended', async () => {
    const asked = serve(() => streamOf('id: B-7\nevent: snapshot\ndata: {}\n\n'));
    const { messages, end } = listen();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked.slice(0, 2)).toEqual([undefined, 'B-7']);
    expect(messages[0]?.event).toBe('snapshot');
    expect(await end()).toBe('B-7');
  });

  it('takes a page of something between for no stream', async () => {
    serve(() => new Response('<h1>Welcome</h1>', { headers: { 'Content-Type': 'text/html' } }));
    const { states, end } = listen(undefined, true);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(states[0]).toBe('polling');
    expect(states).not.toContain('live');
    await end();
  });

  it('begins where a page was left', async () => {
    const asked = serve(() => streamOf(': hello\n\n'));
    const { end } = listen('B-3');
    await vi.advanceTimersByTimeAsync(10);
    expect(asked).toEqual(['B-3']);
    await end();
  });

  it('hands on no heartbeat', async () => {
    serve(() => streamOf('event: heartbeat\ndata: {}\n\n'));
    const { messages, states, end } = listen();
    await vi.advanceTimersByTimeAsync(10);
    expect([messages, states]).toEqual([[], ['live']]);
    await end();
  });

  it('polls while the API refuses the stream', async () => {
    serve(() => refusal(503));
    const { states, end } = listen();
    await vi.advanceTimersByTimeAsync(10);
    expect(states).toEqual(['polling']);
    await end();
  });

  it('polls when a problem ends the stream', async () => {
    serve(() => streamOf('event: problem\ndata: {"code":"shutting_down","detail":"bye"}\n\n'));
    const { states, end } = listen();
    await vi.advanceTimersByTimeAsync(10);
    expect(states).toEqual(['live', 'polling']);
    await end();
  });

  it('is offline from the second attempt on that nobody answers, and live again after it', async () => {
    const gone = () => Promise.reject(new TypeError('network'));
    serve(gone, gone, () => streamOf(': hello\n\n'));
    const { states, end } = listen();
    await vi.advanceTimersByTimeAsync(400);
    expect(states).toEqual([]);
    await vi.advanceTimersByTimeAsync(300);
    expect(states).toEqual(['offline']);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(states.slice(0, 2)).toEqual(['offline', 'live']);
    await end();
  });

  it('polls where other requests are answered and no stream comes through', async () => {
    serve(() => Promise.reject(new TypeError('network')));
    const { states, end } = listen(undefined, true);
    await vi.advanceTimersByTimeAsync(700);
    expect(states).toEqual(['polling']);
    await end();
  });

  it('gives up a stream that says nothing, not even that it lives', async () => {
    const asked: number[] = [];
    vi.stubGlobal('fetch', silent(asked));
    const { end } = listen();
    await vi.advanceTimersByTimeAsync(39_000);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(asked).toHaveLength(2);
    await end();
  });
});

// A request that is answered by nobody until it is aborted.
function silent(asked: number[]) {
  return (_: string, init: RequestInit) =>
    new Promise<Response>((_resolve, reject) => {
      asked.push(Date.now());
      init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    });
}

describe('delayAfter', () => {
  it('grows to 15 s', () => expect([0, 1, 2, 3, 6, 60].map((n) => delayAfter(n, () => 0.5))).toEqual([500, 500, 1_000, 2_000, 15_000, 15_000]));
  it('is spread by a quarter', () => expect([0, 1].map((r) => delayAfter(2, () => r))).toEqual([750, 1_250]));
});
