import { parsed, plain } from './plain';
import { isObject } from './shape';
import type { Document, Failure, Item } from './types';

/** Problem is a refusal of the API: what happened, why, and what to do next. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly items: readonly Item[];
  /** Seconds until another attempt makes sense; undefined where the API said nothing. */
  readonly retryAfter: number | undefined;

  constructor(doc: Partial<Document>, status: number, retryAfter?: number) {
    super(doc.detail || doc.error || `The API answered with status ${status}.`);
    this.status = status;
    this.code = doc.code ?? 'unknown';
    this.title = doc.title ?? `Status ${status}`;
    this.items = doc.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

/**
 * Unreachable is a request that Dream Server did not answer: nobody did, or something between here and there. Whether it has
 * done something is not known.
 */
export class Unreachable extends Error {
  override name = 'Unreachable';
  readonly by: 'silent' | 'between';
  constructor(cause: unknown, by: 'silent' | 'between' = 'silent') {
    super('The API does not answer.', { cause });
    this.by = by;
  }
}

/** problemOf reads a refusal. What is no problem document, from a proxy say, becomes one that quotes nothing of it. */
export async function problemOf(response: Response): Promise<Problem> {
  let doc: Partial<Document> = {};
  if ((response.headers.get('Content-Type') ?? '').includes('json')) {
    try {
      doc = documentOf(parsed(await response.text()));
    } catch {
      // The status says enough.
    }
  }
  return new Problem(doc, response.status, retryAfterOf(response.headers.get('Retry-After')));
}

/** documentOf takes of a problem document what has the form that it should have. */
export function documentOf(body: unknown): Partial<Document> {
  if (!isObject(body)) return {};
  const doc: Partial<Document> = {};
  for (const name of ['code', 'title', 'detail', 'error'] as const) {
    const text = body[name];
    if (typeof text === 'string') doc[name] = plain(text);
  }
  doc.errors = itemsOf(body.errors);
  return doc;
}

const textsOf = ['file', 'path', 'rule', 'fix'] as const;

// One that is not as it should be is left out: the others, and the detail, still say what is wrong.
function itemsOf(value: unknown): Item[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (item): item is Item => isObject(item) && typeof item.message === 'string' && textsOf.every((name) => item[name] === undefined || typeof item[name] === 'string'),
  );
}

function retryAfterOf(value: string | null): number | undefined {
  const seconds = Number(value);
  return value !== null && value.trim() !== '' && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

/** Notice is what is shown of something that went wrong. */
export interface Notice {
  title: string;
  detail: string;
  /** Every single cause; those of the rule "log" are in log. */
  items: readonly Item[];
  /** The end of a container's log; empty where there is none. */
  log: string;
  /** What to do next, where the detail does not say it; empty else. */
  next: string;
  code: string;
}

// What a person can do here, in the dashboard, beside what detail says of the command line.
const nextSteps: Record<string, string> = {
  agent_no_socket: 'What runs goes on. Changes wait until the host agent is back: start it with `make run`, or `systemctl start dream-host-agent`.',
  agent_refused: 'What runs goes on. Start the host agent again; `dream doctor` says what is wrong.',
  agent_hung: 'What runs goes on. The host agent is busy or stuck; `dream doctor` says what is wrong.',
  busy: 'Wait for the change that is being made, or cancel it: it is among the operations.',
  interrupted: 'The host agent finishes or undoes it when it is back.',
  internal: 'The log of dashboard-api has the cause.',
  policy_denied: 'Security has the policies and what they decided. Change the extension or the policy, or make an exception for it.',
  outcome_unknown: 'Look at the operation: it says what came of it as soon as that is known.',
};

/** noticeOf says what went wrong to a person, whatever was thrown. */
export function noticeOf(error: unknown): Notice {
  if (error instanceof Problem) {
    return {
      title: error.title,
      ...told(error.message, error.items),
      next: nextSteps[error.code] ?? (error.status === 429 ? waitText(error.retryAfter) : ''),
      code: error.code,
    };
  }
  if (error instanceof Unreachable && error.by === 'between') {
    return {
      title: 'Something else answers in place of Dream Server',
      detail: 'What came back is a page, and no answer of Dream Server: a proxy, or the sign-in of a network, stands between this browser and it.',
      items: [],
      log: '',
      next: 'Open the address of the dashboard in a new tab to see who answers. On the machine itself, `dream status` says what runs.',
      code: 'unreachable',
    };
  }
  if (error instanceof Unreachable) {
    return {
      title: 'No connection',
      detail: 'Dream Server does not answer. Extensions that run are not affected by that.',
      items: [],
      log: '',
      next: 'On the machine, `dream status` says what runs, and `make run` starts the rest.',
      code: 'unreachable',
    };
  }
  return {
    title: 'Something went wrong in this page',
    detail: error instanceof Error ? error.message : String(error),
    items: [],
    log: '',
    next: 'Reload the page. If it happens again, it is a bug.',
    code: 'page',
  };
}

/** noticeOfFailure is the same for an operation's error. */
export function noticeOfFailure(failure: Failure): Notice {
  const { log, ...said } = told(failure.detail, itemsOf(failure.errors));
  return {
    title: titleOf(failure.code),
    ...said,
    log: failure.log || log,
    next: nextSteps[failure.code] ?? '',
    code: failure.code,
  };
}

// told says everything once: a detail is written for readers of one line too, and repeats its causes and its log.
function told(text: string, all: readonly Item[]): Pick<Notice, 'detail' | 'items' | 'log'> {
  const { items, log } = split(all);
  const detail = withoutLog(text, all);
  const [first = '', ...rest] = detail.split('\n').filter((line) => line.trim() !== '');
  // Several causes are read better as a list than as the lines of a text.
  if (rest.length > 0 && rest.every((line) => items.some(({ message }) => message !== '' && line.includes(message)))) {
    return { detail: first.replace(/:$/, '.'), items, log };
  }
  return { detail, items: items.filter((item) => !isSaid(item, detail)), log };
}

// isSaid reports whether a text has all that a cause says, in its order, with a few words between at most.
function isSaid({ message, fix, file }: Item, text: string): boolean {
  return !file && follows(message, text) && (!fix || follows(fix, text));
}

const between = 3;

function follows(part: string, text: string): boolean {
  const [wanted, all] = [wordsOf(part), wordsOf(text)];
  return wanted.length > 0 && all.some((_, start) => {
    let at = start - 1;
    return wanted.every((word, i) => {
      const next = all.indexOf(word, at + 1);
      if (next < 0 || next > (i === 0 ? start : at + 1 + between)) return false;
      at = next;
      return true;
    });
  });
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/[\s,;:()"`]+/).map((word) => word.replace(/[.!?]+$/, '')).filter((word) => word !== '');
}

// The name of a hook says nothing to who reads why a policy refused.
const hook = /^on_[a-z]+_apply$/;

function split(items: readonly Item[]): { items: readonly Item[]; log: string } {
  return {
    items: items.filter((item) => item.rule !== 'log').map((item) => (hook.test(item.path ?? '') ? { ...item, path: '' } : item)),
    log: items
      .filter((item) => item.rule === 'log')
      .map((item) => item.message)
      .join('\n'),
  };
}

// A detail ends with the log for readers of one line; here the log has a place of its own.
function withoutLog(detail: string, items: readonly Item[]): string {
  for (const item of items) {
    if (item.rule === 'log' && item.message !== '' && detail.trimEnd().endsWith(item.message.trimEnd())) {
      return detail.trimEnd().slice(0, -item.message.trimEnd().length).trimEnd().replace(/:$/, '.');
    }
  }
  return detail;
}

function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function waitText(seconds: number | undefined): string {
  return seconds === undefined ? 'Wait a moment, and try again.' : `Try again in ${Math.ceil(seconds)} seconds.`;
}
