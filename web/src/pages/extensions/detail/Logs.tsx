import { ActionIcon, Button, Checkbox, TextInput } from '@mantine/core';
import { ArrowDown, ChevronDown, ChevronUp, Download, Pause, Play, ScrollText, Search } from 'lucide-react';
import { memo, useDeferredValue, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';

import { serverNow } from '../../../api/clock';
import { type Entry, may } from '../../../api/types';
import { useSession } from '../../../app/session';
import { EmptyState } from '../../../parts/EmptyState';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { count } from '../../../parts/format';
import { isAway } from '../away';
import { type Block, blocksOf, matching, type Numbered, piecesOf, textOf } from './logBuffer';
import classes from './Logs.module.css';
import { useLog } from './useLog';

/** Logs is what an extension writes, as it does. */
export function Logs({ extension }: { extension: Entry }) {
  const { session } = useSession();
  if (!may(session, 'operate')) {
    return (
      <EmptyState icon={ScrollText} title="Logs take another key">
        <p>Programs write things into their logs that not everybody should read. You are signed in with the scope {session?.scope}; logs take operate.</p>
      </EmptyState>
    );
  }
  if (extension.status === 'not_installed') {
    return (
      <EmptyState icon={ScrollText} title="It has no log yet">
        <p>What it writes shows here as soon as it is installed.</p>
      </EmptyState>
    );
  }
  return <Following id={extension.id} />;
}

function Following({ id }: { id: string }) {
  const [paused, setPaused] = useState(false);
  const [wrap, setWrap] = useState(true);
  const [only, setOnly] = useState(false);
  const [typed, setTyped] = useState('');
  const [here, setHere] = useState<number>(); // the line that was gone to
  const [follows, setFollows] = useState(true);
  const { buffer, waiting, state, error, cut, gap } = useLog(id, paused);
  const box = useRef<HTMLDivElement>(null);
  const wanted = useDeferredValue(typed.trim());
  const found = useMemo(() => matching(buffer, wanted), [buffer, wanted]);
  const filtered = only && wanted !== '';
  const blocks = useMemo(() => (filtered ? blocksOf(found) : buffer.blocks), [filtered, found, buffer]);
  const several = useMemo(() => new Set(buffer.blocks.flatMap(({ lines }) => lines.map(({ service }) => service))).size > 1, [buffer]);
  const at = found.findIndex(({ n }) => n === here);

  // Whoever reads at the end sees what comes; whoever has scrolled up is left where he is.
  useLayoutEffect(() => {
    if (follows && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [blocks, follows, wrap]);

  useEffect(() => {
    if (here === undefined || box.current === null) return;
    const block = [...box.current.querySelectorAll<HTMLElement>('[data-block]')].findLast((one) => Number(one.dataset.block) <= here);
    block?.scrollIntoView({ block: 'nearest' });
    // Its block is drawn a moment after it has come near.
    let frame = 0;
    const look = (left: number) => {
      const line = box.current?.querySelector(`[data-line="${here}"]`);
      if (line) line.scrollIntoView({ block: 'center' });
      else if (left > 0) frame = requestAnimationFrame(() => look(left - 1));
    };
    look(30);
    return () => cancelAnimationFrame(frame);
  }, [here]);

  function go(step: number) {
    if (found.length === 0) return;
    setFollows(false);
    const next = at < 0 ? (step < 0 ? found.length - 1 : 0) : (at + step + found.length) % found.length;
    setHere(found[next]?.n);
  }

  return (
    <>
      <div className={classes.tools}>
        <TextInput
          type="search"
          size="sm"
          className={classes.search ?? ''}
          aria-label="Search the log"
          placeholder="Search the log"
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setHere(undefined);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') go(event.shiftKey ? -1 : 1);
          }}
          leftSection={<Search size={15} aria-hidden="true" />}
        />
        <ActionIcon variant="default" size="lg" aria-label="Previous match" disabled={found.length === 0} onClick={() => go(-1)}>
          <ChevronUp size={16} aria-hidden="true" />
        </ActionIcon>
        <ActionIcon variant="default" size="lg" aria-label="Next match" disabled={found.length === 0} onClick={() => go(1)}>
          <ChevronDown size={16} aria-hidden="true" />
        </ActionIcon>
        <Checkbox size="sm" label="Only matches" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} />
        <Checkbox size="sm" label="Wrap" checked={wrap} onChange={(event) => setWrap(event.currentTarget.checked)} />
        <Button
          size="sm"
          variant="default"
          leftSection={paused ? <Play size={14} aria-hidden="true" /> : <Pause size={14} aria-hidden="true" />}
          onClick={() => setPaused(!paused)}
        >
          {paused ? (waiting > 0 ? `Resume (${waiting.toLocaleString('en')} new)` : 'Resume') : 'Pause'}
        </Button>
        <Button size="sm" variant="default" leftSection={<Download size={14} aria-hidden="true" />} onClick={() => download(id, textOf(buffer))}>
          Download
        </Button>
      </div>
      {state === 'again' && error !== undefined && buffer.count === 0 && (
        <div style={{ marginBottom: '0.75rem' }}>
          {isAway(error) ? <p className={classes.quiet}>Its log shows here when the host agent is back.</p> : <ErrorNotice error={error} />}
        </div>
      )}
      <div className={classes.frame}>
        {/* It scrolls, so it must be reachable with the keyboard; who cannot see it would be flooded if it were announced. */}
        <div
          ref={box}
          className={classes.log}
          data-wrap={wrap || undefined}
          role="log"
          aria-live="off"
          aria-label={`Log of ${id}`}
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          tabIndex={0}
          onScroll={(event) => {
            const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
            setFollows(scrollHeight - scrollTop - clientHeight < 24);
          }}
        >
          {blocks.map((block, i) => (
            <LogBlock key={`${filtered}${block.first}`} block={block} wanted={wanted} several={several} here={here} root={box} last={i === blocks.length - 1} />
          ))}
        </div>
        {!follows && blocks.length > 0 && (
          <Button size="xs" className={classes.newest ?? ''} leftSection={<ArrowDown size={14} aria-hidden="true" />} onClick={() => setFollows(true)}>
            Newest
          </Button>
        )}
      </div>
      <div className={classes.state}>
        <span role="status">
          {wanted !== '' && `${count(found.length, 'line')} found${at < 0 ? '' : `, this is ${at + 1}`} · `}
          {paused ? 'Paused' : state === 'live' ? 'Live' : state === 'connecting' ? 'Connecting' : 'Interrupted; it goes on by itself'}
        </span>
        <span>
          {count(buffer.count, 'line')}
          {buffer.dropped > 0 ? `; ${buffer.dropped.toLocaleString('en')} older ones were let go` : cut && '; older ones are not shown, searched or downloaded'}
          {gap && '; some of an interruption are missing'}
        </span>
      </div>
      {state === 'live' && buffer.count === 0 && <p style={{ color: 'var(--ink-dim)' }}>It has written nothing yet.</p>}
    </>
  );
}

const lineHeight = 20;
const lineLength = 120; // of a line on a wide screen, as a guess until it is drawn

function rowsOf({ lines }: Block): number {
  return lines.reduce((sum, { text }) => sum + Math.max(1, Math.ceil(text.length / lineLength)), 0);
}

interface LogBlockProps {
  block: Block;
  wanted: string;
  several: boolean;
  here: number | undefined;
  root: React.RefObject<HTMLDivElement | null>;
  last: boolean;
}

/** LogBlock draws its lines while it is near what can be seen; else it holds their place. */
const LogBlock = memo(
  function LogBlock({ block, wanted, several, here, root, last }: LogBlockProps) {
    const part = useRef<HTMLDivElement>(null);
    const height = useRef(rowsOf(block) * lineHeight);
    const [near, setNear] = useState(last || typeof IntersectionObserver === 'undefined');
    useEffect(() => {
      if (part.current === null || typeof IntersectionObserver === 'undefined') return;
      const observer = new IntersectionObserver((seen) => setNear(seen.at(-1)?.isIntersecting ?? true), { root: root.current, rootMargin: '1200px 0px' });
      observer.observe(part.current);
      return () => observer.disconnect();
    }, [root]);
    useLayoutEffect(() => {
      if (near && part.current !== null) height.current = part.current.offsetHeight;
    });
    if (!near) return <div ref={part} data-block={block.first} style={{ height: height.current }} />;
    return (
      <div ref={part} className={classes.block} data-block={block.first}>
        {block.lines.map((line) => (
          <Line key={line.n} line={line} wanted={wanted} several={several} here={line.n === here} />
        ))}
      </div>
    );
  },
  (old, next) => {
    const concerned = (of: number | undefined, { first, lines }: Block) => of !== undefined && of >= first && of <= (lines.at(-1)?.n ?? first);
    if (old.block !== next.block || old.wanted !== next.wanted || old.several !== next.several) return false;
    return old.here === next.here || (!concerned(old.here, old.block) && !concerned(next.here, next.block));
  },
);

const Line = memo(function Line({ line, wanted, several, here }: { line: Numbered; wanted: string; several: boolean; here: boolean }) {
  const time = new Date(line.time);
  return (
    <div className={classes.line} data-line={line.n} data-err={line.stream === 'stderr' || undefined} data-here={here || undefined}>
      {!Number.isNaN(time.getTime()) && (
        <time className={classes.time} dateTime={line.time} title={time.toLocaleString()}>
          {time.toLocaleTimeString('en-GB')}
        </time>
      )}
      {several && <span className={classes.service}>{line.service}</span>}
      {line.stream === 'stderr' && <span className="visually-hidden">error: </span>}
      <span className={classes.text}>
        {piecesOf(line.text, wanted).map((piece, i) => (piece.found ? <mark key={i}>{piece.text}</mark> : piece.text))}
        {line.text === '' && ' '}
      </span>
    </div>
  );
});

function download(id: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${id}-${new Date(serverNow()).toISOString().slice(0, 19).replaceAll(':', '')}.log`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
