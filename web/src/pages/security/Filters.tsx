import type { ReactNode } from 'react';
import { useSearchParams } from 'react-router';

import { pageSize } from './narrow';
import classes from './Security.module.css';

/** Filters is the row of fields above a list. */
export function Filters({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.filters} role="search" aria-label={label}>
      {children}
    </div>
  );
}

/** useFilter is one filter in the page's address; empty takes everything. A list that was long is short again with another. */
export function useFilter(name: string, setLimit: (limit: number) => void): { value: string; set: (value: string | null) => void } {
  const [search, setSearch] = useSearchParams();
  return {
    value: search.get(name) ?? '',
    set: (value) => {
      const next = new URLSearchParams(search);
      if (value === null || value === '') next.delete(name);
      else next.set(name, value);
      setLimit(pageSize);
      setSearch(next, { replace: true });
    },
  };
}
