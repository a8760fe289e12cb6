import { useEffect, useState } from 'react';

import { serverNow } from '../api/clock';
import { ago, duration } from './format';

/** useServerNow is the time on the API's clock, renewed every so many milliseconds. */
export function useServerNow(every: number): number {
  const [now, setNow] = useState(() => serverNow());
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNow()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/** TimeAgo writes a time of the API as it lies from now; the time itself shows where the pointer rests. */
export function TimeAgo({ time }: { time: string }) {
  const now = useServerNow(30_000);
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return <span>–</span>;
  return (
    <time dateTime={time} title={date.toLocaleString()}>
      {ago(time, Math.max(now, serverNow()))}
    </time>
  );
}

/** Took writes how long something took, or has taken until now. */
export function Took({ from, to }: { from: string; to?: string | undefined }) {
  return to === undefined ? <Since from={from} /> : <span>{duration(Date.parse(to) - Date.parse(from))}</span>;
}

function Since({ from }: { from: string }) {
  const now = useServerNow(1_000);
  const elapsed = Math.max(0, now - Date.parse(from));
  return <span>{elapsed < 9_950 ? `${Math.floor(elapsed / 1000)} s` : duration(elapsed)}</span>;
}
