import { openStream } from '../api/client';
import { parsed, plain } from '../api/plain';
import { documentOf, Problem, Unreachable } from '../api/problem';
import { type Message, reader } from './sse';

/**
 * Connection is how news come. polling: the stream does not, requests do. offline: nothing does.
 */
export type Connection = 'connecting' | 'live' | 'polling' | 'offline';

export interface Follower {
  onMessage: (message: Message) => void;
  onConnection: (connection: Connection) => void;
  /** Whether other requests are answered where the stream is not: there are proxies that let no stream through. */
  reachable: () => Promise<boolean>;
}

// A heartbeat comes every 15 s. A stream that is silent for longer is one that nobody told us has died.
const silence = 40_000;

/**
 * follow reads a stream of events for as long as signal lets it, and goes on where it ended after every interruption: the
 * server replays what follows Last-Event-ID. lastID is where to begin; it returns where it has come to.
 */
export async function follow(url: string, { onMessage, onConnection, reachable }: Follower, signal: AbortSignal, lastID?: string): Promise<string | undefined> {
  let id = lastID;
  for (let failures = 0; !signal.aborted; ) {
    try {
      await readStream(url, id, signal, (message) => {
        failures = 0;
        if (message.id !== undefined) id = message.id;
        onMessage(message);
      }, () => onConnection('live'));
      failures = Math.max(failures, 1); // a stream that ends at once is not asked for again at once
    } catch (error) {
      if (signal.aborted) break;
      failures++;
      // The first failure may be a restart or a moment without network: nothing is said of it yet.
      if (error instanceof Unreachable) {
        if (failures > 1) onConnection((await reachable()) ? 'polling' : 'offline');
      } else {
        onConnection('polling');
      }
    }
    await pause(delayAfter(failures), signal);
  }
  return id;
}

/** delayAfter is how long to wait, in milliseconds, after so many failures in a row: 0.5 s at first, 15 s at most. */
export function delayAfter(failures: number, random = Math.random): number {
  const full = Math.min(15_000, 500 * 2 ** Math.max(0, failures - 1));
  return Math.round(full * (0.75 + random() * 0.5)); // many pages do not come back in one moment
}

/** readStream reads a stream once, to its end. It throws what ended it: a [Problem] of the server, or [Unreachable]. */
export async function readStream(url: string, id: string | undefined, signal: AbortSignal, emit: (message: Message) => void, opened: () => void): Promise<void> {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener('abort', stop, { once: true });
  let watchdog: ReturnType<typeof setTimeout> | undefined;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(stop, silence);
  };
  try {
    alive();
    const body = await openStream(url, id === undefined ? {} : { 'Last-Event-ID': id }, attempt.signal);
    opened();
    const decoder = new TextDecoder();
    const take = reader((message) => {
      if (message.event === 'problem') throw problemIn(message.data);
      if (message.event !== 'heartbeat') emit(message);
    });
    const pieces = body.getReader();
    for (;;) {
      alive();
      const { done, value } = await pieces.read();
      if (done) return;
      take(plain(decoder.decode(value, { stream: true })));
    }
  } catch (error) {
    if (error instanceof Problem || error instanceof Unreachable || signal.aborted) throw error;
    throw new Unreachable(error);
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', stop);
    attempt.abort(); // lets go of the connection where reading ended early
  }
}

function problemIn(data: string): Error {
  try {
    return new Problem(documentOf(parsed(data)), 503);
  } catch {
    return new Unreachable(new Error('the stream ended with a problem that cannot be read'));
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

