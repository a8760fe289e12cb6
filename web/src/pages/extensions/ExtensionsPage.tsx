import { Button, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { SearchX } from 'lucide-react';
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'react-router';

import { queries } from '../../api/queries';
import { type Entry, list, may, type Operation } from '../../api/types';
import { useSession } from '../../app/session';
import { useRunning } from '../../operations/useOperations';
import { Answer } from '../../parts/Answer';
import { EmptyState } from '../../parts/EmptyState';
import { count } from '../../parts/format';
import { PageHeader } from '../../parts/PageHeader';
import { found, indexed, narrows, noChoice, paramsOf } from './catalogue/browse';
import classes from './catalogue/Catalogue.module.css';
import { type CardProps, ExtensionCard } from './catalogue/ExtensionCard';
import { Filters } from './catalogue/Filters';
import { Skipped } from './catalogue/Skipped';
import { useChoice } from './catalogue/useChoice';
import { losers } from './depends';
import { DisableDialog } from './DisableDialog';
import { useMachine } from './fit';
import { type OpenLink, openLinkOf } from './openLink';
import { RatingHelp } from './parts';
import { useLinks } from './useExtension';

const lead = 'Everything this machine runs and could run. What an extension may do is shown before it is installed.';

const none: readonly Entry[] = [];

/** ExtensionsPage is the catalogue. One answer of the API has all of it; searching and sorting ask nobody. */
export default function ExtensionsPage() {
  const catalogue = useQuery(queries.catalog());
  const { data: catalog } = catalogue;
  const { session } = useSession();
  const [choice, change] = useChoice();
  const machine = useMachine(catalog);
  const entries = catalog?.extensions;
  const all = useMemo(() => indexed(list(entries)), [entries]);
  const settled = useDeferredValue(choice); // typing goes first, the list follows
  const { backend, vram } = machine;
  const shown = useMemo(() => found(all, settled, { backend, vram }), [all, settled, backend, vram]);

  return (
    <>
      <PageHeader title="Extensions" lead={lead} />
      {catalog?.library_available === false && (
        <p className={classes.note} data-warn>
          <strong>The library cannot be read.</strong> What is installed is here and works as always; what could be installed is not shown until the
          folder is back: <code>data/extensions-library</code>, or where <code>DREAM_EXTENSIONS_LIBRARY_DIR</code> points.
        </p>
      )}
      {catalog !== undefined && !may(session, 'admin') && (
        <p className={classes.note}>
          You are signed in with a key of the scope <strong>{session?.scope}</strong>:{' '}
          {may(session, 'operate') ? 'you can switch extensions on and off. Installing takes a key of the scope admin.' : 'you can look at everything here, and change nothing.'}
        </p>
      )}
      {/* Who comes to look for something can begin to type before the catalogue is there. */}
      {(catalog !== undefined || catalogue.error === null) && <Filters entries={entries ?? none} choice={choice} onChange={change} />}
      {catalog === undefined ? (
        <Answer query={catalogue} of="extensions" loading={<Waiting />}>
          {() => null}
        </Answer>
      ) : (
        <>
          <div className={classes.summary}>
            <p role="status">{count(shown.length, 'extension')}</p>
            <RatingHelp />
          </div>
          {shown.length === 0 ? (
            <EmptyState icon={SearchX} title={narrows(choice) ? 'Nothing fits what you look for' : 'There are no extensions'}>
              {narrows(choice) ? (
                <Button variant="default" mt="sm" onClick={() => change({ ...noChoice, sort: choice.sort })}>
                  Clear the search and all filters
                </Button>
              ) : (
                <p>Neither the library nor this installation has one.</p>
              )}
            </EmptyState>
          ) : (
            <Grid of={paramsOf(settled).toString()} entries={shown} all={catalog.extensions} backend={backend} vram={vram} mayOperate={may(session, 'operate')} mayInstall={may(session, 'admin')} />
          )}
          <Skipped skipped={catalog.skipped} />
        </>
      )}
    </>
  );
}

// As many cards are drawn as fit a tall screen twice; more come as they are scrolled to.
const pageSize = 48;

// How far each list was read, so that the way back leads to the same place. The newest are kept.
const read = new Map<string, number>();

interface GridProps extends Pick<CardProps, 'mayOperate' | 'mayInstall'> {
  /** What the list is of. */
  of: string;
  entries: readonly Entry[];
  all: readonly Entry[];
  backend: string;
  vram: number | undefined;
}

const Grid = memo(function Grid({ of, entries, all, backend, vram, mayOperate, mayInstall }: GridProps) {
  const { key } = useLocation();
  const [pages, setPages] = useState(() => read.get(key) ?? 1);
  const [was, setWas] = useState(of);
  if (was !== of) {
    setWas(of); // another list begins at its beginning
    setPages(1);
  }
  const machine = useMemo(() => ({ backend, vram }), [backend, vram]);
  const operations = useRunningByExtension();
  const links = useLinks();
  const [disabling, setDisabling] = useState<{ entry: Entry; opened: boolean }>();
  const allNow = useRef(all);
  useEffect(() => {
    allNow.current = all;
  }, [all]);
  const onDisable = useCallback((entry: Entry) => {
    if (losers(entry.id, allNow.current).length === 0) return false;
    setDisabling({ entry, opened: true });
    return true;
  }, []);

  useEffect(() => {
    read.set(key, pages);
    if (read.size > 50) read.delete(read.keys().next().value ?? '');
  }, [key, pages]);

  const visible = entries.slice(0, pages * pageSize);
  const rest = entries.length - visible.length;
  return (
    <>
      <ul className={`plain-list ${classes.grid}`}>
        {visible.map((entry) => (
          <li key={entry.id}>
            <ExtensionCard
              entry={entry}
              operation={operations.get(entry.id)}
              href={hrefOf(openLinkOf(entry, links, window.location))}
              machine={machine}
              mayOperate={mayOperate}
              mayInstall={mayInstall}
              onDisable={onDisable}
            />
          </li>
        ))}
      </ul>
      {rest > 0 && <More rest={rest} onMore={() => setPages((n) => n + 1)} />}
      {disabling !== undefined && <DisableDialog {...disabling} all={all} onClose={() => setDisabling({ ...disabling, opened: false })} />}
    </>
  );
});

/** More draws the next cards when it is scrolled to, or clicked. */
function More({ rest, onMore }: { rest: number; onMore: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  const latest = useRef(onMore);
  useEffect(() => {
    latest.current = onMore;
  });
  useEffect(() => {
    if (mark.current === null || typeof IntersectionObserver === 'undefined') return;
    const observer = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && latest.current(), { rootMargin: '600px' });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [rest]); // a new page can leave it where it is on the screen, and is news only to a new observer
  return (
    <div ref={mark} className={classes.more}>
      <Button variant="default" onClick={onMore}>
        Show {rest} more
      </Button>
    </div>
  );
}

function hrefOf(link: OpenLink | undefined): string | undefined {
  return link === undefined || link.blocked !== '' ? undefined : link.href;
}

function useRunningByExtension(): Map<string, Operation> {
  const running = useRunning();
  return useMemo(() => new Map(running.filter(({ state }) => state === 'running').map((operation) => [operation.extension, operation])), [running]);
}

function Waiting() {
  return (
    <div role="status" aria-label="Loading the catalogue">
      <div className={classes.grid}>
        {Array.from({ length: 12 }, (_, i) => (
          <Skeleton key={i} height={174} radius="lg" />
        ))}
      </div>
    </div>
  );
}
