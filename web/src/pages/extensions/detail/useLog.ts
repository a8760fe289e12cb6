import { useEffect, useRef, useState } from 'react';

import { addressOf } from '../../../api/client';
import { serverNow } from '../../../api/clock';
import { Problem } from '../../../api/problem';
import { delayAfter, readStream } from '../../../live/follow';
import { added, Backlog, type Buffer, empty, lineOf, type LogLine, Seen } from './logBuffer';

/** LogState is a log and how it comes. */
export interface LogState {
  buffer: Buffer;
  /** The lines that came while it was paused. */
  waiting: number;
  state: 'connecting' | 'live' | 'again';
  /** Why it does not come; it is tried again all the same. */
  error: unknown;
  /** Whether there are older lines than the first, which are not sent. */
  cut: boolean;
  /** Whether lines of an interruption are missing: more were written than are sent afterwards. */
  gap: boolean;
}

const drawEvery = 100;
const tail = 10_000; // as many as are sent at most, and kept

/**
 * useLog follows a log for as long as the part is there that uses it. After an interruption it goes on from the last line. Paused,
 * what comes is kept and not shown.
 */
export function useLog(id: string, paused: boolean): LogState & { clear: () => void } {
  const [shown, setShown] = useState<LogState>({ buffer: empty, waiting: 0, state: 'connecting', error: undefined, cut: false, gap: false });
  const came = useRef<LogLine[]>([]);
  const hold = useRef(paused);
  const flush = useRef<() => void>(() => undefined);

  useEffect(() => {
    hold.current = paused;
    if (!paused) flush.current();
  }, [paused]);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    flush.current = () => {
      clearTimeout(timer);
      timer = undefined;
      if (hold.current) {
        const waiting = came.current.length;
        setShown((old) => ({ ...old, waiting }));
        return;
      }
      const lines = came.current;
      came.current = [];
      setShown((old) => ({ ...old, buffer: added(old.buffer, lines), waiting: 0 }));
    };
    void read(id, stop.signal, {
      onLine: (line) => {
        came.current.push(line);
        if (came.current.length > 10_000) came.current.shift(); // paused for long
        timer ??= setTimeout(flush.current, drawEvery);
      },
      onMissing: (where) => setShown((old) => ({ ...old, [where]: true })),
      onState: (state, error) => setShown((old) => ({ ...old, state, error })),
    });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id]);

  return { ...shown, clear: () => setShown((old) => ({ ...old, buffer: { ...empty, next: old.buffer.next } })) };
}

interface Reader {
  onLine: (line: LogLine) => void;
  onState: (state: LogState['state'], error: unknown) => void;
  onMissing: (where: 'cut' | 'gap') => void;
}

async function read(id: string, signal: AbortSignal, { onLine, onState, onMissing }: Reader): Promise<void> {
  const seen = new Seen();
  let last = '';
  for (let failures = 0; !signal.aborted; ) {
    let error: unknown;
    try {
      const url = addressOf('/api/extensions/{id}/logs', { id }, { follow: true, tail, since: last });
      const where = last === '' ? 'cut' : 'gap';
      let backlog = new Backlog(tail, serverNow());
      let missing = false;
      await readStream(
        url,
        undefined,
        signal,
        (message) => {
          failures = 0;
          const line = message.event === 'log' ? lineOf(message.data) : undefined;
          if (line === undefined) return;
          const isNew = seen.isNew(line);
          if (!missing && backlog.isCut(line, isNew)) {
            missing = true;
            onMissing(where);
          }
          if (!isNew) return;
          last = line.time || last;
          onLine(line);
        },
        () => {
          backlog = new Backlog(tail, serverNow());
          onState('live', undefined);
        },
      );
    } catch (failure) {
      error = failure;
    }
    if (signal.aborted) return;
    failures++;
    onState('again', error);
    // What cannot be read now may be there later: an extension that is installed, an agent that comes back.
    const refused = error instanceof Problem && error.status < 500;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, refused ? 10_000 : delayAfter(failures));
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
