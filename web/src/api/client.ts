// The one module that talks to the API. Requests are typed by the OpenAPI document.
import { noteServerTime } from './clock';
import { parsed } from './plain';
import { Problem, problemOf, Unreachable } from './problem';
import type { paths } from './schema.gen';
import { fits } from './shape';

type Method = 'get' | 'post' | 'put' | 'delete';

/** PathOf is the paths that have a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths];

type Endpoint<M extends Method, P extends PathOf<M>> = paths[P] extends { [K in M]: infer E } ? E : never;

type Parameters<E, Where extends string> = E extends { parameters: { [K in Where]?: infer V } } ? NonNullable<V> : never;

type JSONOf<R> = R extends { content: { 'application/json': infer T } } ? T : never;

/** ReplyOf is the body of a 200. */
export type ReplyOf<M extends Method, P extends PathOf<M>> =
  Endpoint<M, P> extends { responses: { 200: infer R } } ? JSONOf<R> : never;

/** BodyOf is what a request sends. */
export type BodyOf<M extends Method, P extends PathOf<M>> =
  Endpoint<M, P> extends { requestBody?: infer R } ? JSONOf<NonNullable<R>> : never;

export interface Options<M extends Method, P extends PathOf<M>> {
  path?: Parameters<Endpoint<M, P>, 'path'>;
  query?: Parameters<Endpoint<M, P>, 'query'>;
  body?: BodyOf<M, P>;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** A request that is about the session itself: a 401 is its answer, and not a reason to ask for the key. */
  anonymous?: boolean;
}

/** ask sends a request and returns the body of the reply. It throws [Problem] or [Unreachable]. */
export async function ask<M extends Method, P extends PathOf<M>>(method: M, path: P, options: Options<M, P> = {}): Promise<ReplyOf<M, P>> {
  const url = addressOf(path, options.path, options.query);
  const response = await send(url, {
    method,
    headers: { ...(method === 'get' ? conditionsOf(url) : {}), ...options.headers },
    body: options.body,
    signal: options.signal,
    anonymous: options.anonymous,
  });
  const body = await bodyOf(method, url, response);
  if (response.status !== 204 && !fits(path, body)) throw new Problem(misfit, response.status);
  return body as ReplyOf<M, P>;
}

const misfit = {
  code: 'misfit',
  title: 'This answer does not fit the page',
  detail: 'What came back has not the form that this page knows: Dream Server is older or newer than the page, or something between the two answers in its place.',
};

interface Request {
  method: string;
  headers: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | undefined;
  anonymous?: boolean | undefined;
}

// send returns replies that are a success or a 304. It waits while a person signs in again.
async function send(url: string, request: Request): Promise<Response> {
  for (;;) {
    const response = await fetchOnce(url, request);
    if (response.ok || response.status === 304) return response;
    if (response.status === 401 && !request.anonymous && onSignedOut !== undefined) {
      await abortable(onSignedOut(), request.signal);
      continue;
    }
    const problem = await problemOf(response);
    // The dashboard's program says the first where there is no API behind it, and a proxy of the owner's the second.
    if (problem.code === 'api_away' || (response.status === 502 && problem.code === 'unknown')) throw new Unreachable(problem);
    throw problem;
  }
}

async function fetchOnce(url: string, request: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: request.method.toUpperCase(),
      headers: { ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }), ...request.headers },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: request.signal ?? null,
      credentials: 'same-origin',
    });
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new Unreachable(error);
  }
  noteServerTime(response.headers.get('Date'));
  return response;
}

/** openStream opens a stream of server-sent events. The caller reads its body and aborts it. */
export async function openStream(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await send(url, { method: 'get', headers: { Accept: 'text/event-stream', ...headers }, signal });
  // Something between here and there that answers with a page of its own is no stream that lives.
  const type = response.headers.get('Content-Type');
  if (type !== null && !type.startsWith('text/event-stream')) {
    await response.body?.cancel();
    throw new Unreachable(new Error(`a stream of ${type}`), 'between');
  }
  if (response.body === null) throw new Unreachable(new Error('the reply has no body'));
  return response.body;
}

let onSignedOut: (() => Promise<void>) | undefined;

/**
 * whenSignedOut sets what a request waits for that gets a 401: somebody signs in, and the request is sent again. So
 * nothing of what was typed or begun is lost.
 */
export function whenSignedOut(wait: (() => Promise<void>) | undefined): void {
  onSignedOut = wait;
}

/** addressOf fills in a path. Values are encoded: an id from elsewhere cannot name another path. */
export function addressOf(path: string, params: object | undefined, query: object | undefined): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value: unknown = (params as Record<string, unknown> | undefined)?.[name];
    if (value === undefined) throw new Error(`${path}: ${name} is missing`);
    const text = String(value);
    if (/^\.{0,2}$/.test(text)) throw new Error(`${path}: "${text}" is no ${name}`); // browsers take it for a step upwards
    return encodeURIComponent(text);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') search.append(name, String(one));
    }
  }
  const text = search.toString();
  return text === '' ? filled : `${filled}?${text}`;
}

// Replies that have an ETag, by address: the next request asks only for what is new.
const known = new Map<string, { tag: string; body: unknown }>();
const knownLimit = 100;

function conditionsOf(url: string): Record<string, string> {
  const tag = known.get(url)?.tag;
  return tag === undefined ? {} : { 'If-None-Match': tag };
}

async function bodyOf(method: string, url: string, response: Response): Promise<unknown> {
  if (response.status === 304) {
    const reply = known.get(url);
    if (reply !== undefined) return reply.body;
    throw new Problem({ detail: 'The API says that nothing has changed, and this page has nothing.', code: 'page' }, 304);
  }
  if (response.status === 204) return undefined;
  let body: unknown;
  try {
    body = parsed(await response.text());
  } catch (error) {
    throw new Unreachable(error, isJSON(response) ? 'silent' : 'between'); // cut off, or from something between here and there
  }
  const tag = response.headers.get('ETag');
  if (method === 'get' && tag !== null) {
    known.delete(url);
    known.set(url, { tag, body });
    if (known.size > knownLimit) known.delete(known.keys().next().value ?? '');
  }
  return body;
}

function isJSON(response: Response): boolean {
  return (response.headers.get('Content-Type') ?? 'json').includes('json');
}

/** forgetReplies is for the end of a session: the next one may see less. */
export function forgetReplies(): void {
  known.clear();
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(new DOMException('aborted', 'AbortError'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** newKey is a value for Idempotency-Key. Not randomUUID: browsers have that on secure pages alone. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
