import { Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { Route, Routes, useLocation, useNavigationType } from 'react-router';

import { queries } from '../api/queries';
import type { Session } from '../api/types';
import { NotFoundPage } from '../pages/NotFoundPage';
import { Loading } from '../parts/Loading';
import { type Context, type Page, registeredPages } from '../plugins/registry';
import { Banners } from './Banners';
import { Boundary } from './Boundary';
import { Header } from './Header';
import classes from './Shell.module.css';
import { Sidebar } from './Sidebar';

/** Shell is what every page stands in. */
export function Shell({ session }: { session: Session }) {
  const { data: status } = useQuery(queries.status());
  const location = useLocation();
  const { pathname } = location;
  const [menu, setMenu] = useState(false);
  const main = useRef<HTMLElement>(null);
  const context = useMemo<Context>(() => ({ session, status }), [session, status]);
  const pages = registeredPages().filter((page) => isEnabled(page, context));
  const current = pages.find((page) => matches(page.path, pathname));

  useEffect(() => {
    document.title = `${current?.label ?? 'No such page'} · Dream Server`;
  }, [current?.label]);
  useFocusOnNavigation(main, location);

  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to the page
      </a>
      <Boundary name={pathname} quiet>
        <Header onMenu={() => setMenu(true)} menuOpened={menu} />
      </Boundary>
      <div className={classes.side}>
        <Boundary name={pathname} quiet>
          <Sidebar pages={pages} />
        </Boundary>
      </div>
      <Drawer opened={menu} onClose={() => setMenu(false)} title="Menu" size={280} padding="md">
        <Boundary name={pathname} quiet>
          <Sidebar pages={pages} onLeave={() => setMenu(false)} />
        </Boundary>
      </Drawer>
      <main id="main" ref={main} tabIndex={-1} className={classes.main}>
        <Boundary name={pathname} quiet>
          <Banners />
        </Boundary>
        <Boundary name={pathname}>
          <Suspense fallback={<Loading lines={4} />}>
            <Routes>
              {pages.map((page) => (
                <Route key={page.id} path={page.path} element={<Shown page={page} context={context} />} />
              ))}
              <Route path="*" element={<NotFoundPage />} />
            </Routes>
          </Suspense>
        </Boundary>
      </main>
    </div>
  );
}

function Shown({ page, context }: { page: Page; context: Context }) {
  const Component = page.component;
  return <Component {...page.getProps?.(context)} />;
}

// A plugin that cannot decide has no page, and takes none from others.
function isEnabled(page: Page, context: Context): boolean {
  try {
    return page.enabled?.(context) ?? true;
  } catch (error) {
    console.error(`page ${page.id}:`, error);
    return false;
  }
}

function matches(pattern: string, pathname: string): boolean {
  const parts = pattern.split('/');
  const given = pathname.replace(/\/+$/, '').split('/');
  if (pattern === '/') return given.length <= 1;
  return parts.length === given.length && parts.every((part, i) => part.startsWith(':') || part === given[i]);
}

// A click on a link leaves the focus where the link was: who uses the keyboard or a screen reader begins anew with the page.
// The way back leads to where the page was left.
function useFocusOnNavigation(main: React.RefObject<HTMLElement | null>, { pathname, key }: { pathname: string; key: string }): void {
  const back = useNavigationType() === 'POP';
  const last = useRef(pathname);
  const places = useRef(new Map<string, number>());
  useEffect(() => {
    const note = () => places.current.set(key, window.scrollY);
    if (last.current === pathname) note(); // the same page under another address
    window.addEventListener('scroll', note, { passive: true });
    return () => window.removeEventListener('scroll', note);
  }, [key, pathname]);
  useEffect(() => {
    if (last.current === pathname) return;
    last.current = pathname;
    window.scrollTo(0, (back && places.current.get(key)) || 0);
    main.current?.focus({ preventScroll: true });
  }, [back, key, main, pathname]);
}
