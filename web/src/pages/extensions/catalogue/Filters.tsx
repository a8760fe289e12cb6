import { CloseButton, Kbd, NativeSelect, TextInput } from '@mantine/core';
import { Search } from 'lucide-react';
import { useEffect, useMemo, useRef } from 'react';

import type { Entry } from '../../../api/types';
import { words } from '../../../parts/format';
import { lookOf } from '../../../parts/status';
import { type Choice, counts, featureGroups, sorts } from './browse';
import classes from './Catalogue.module.css';

interface FiltersProps {
  entries: readonly Entry[];
  choice: Choice;
  onChange: (change: Partial<Choice>) => void;
}

/** Filters is what the catalogue is narrowed with. / leads to the search from anywhere on the page. */
export function Filters({ entries, choice, onChange }: FiltersProps) {
  const search = useRef<HTMLInputElement>(null);
  useSlash(search);
  const numbers = useMemo(() => counts(entries), [entries]);
  const groups = useMemo(() => featureGroups(entries), [entries]);
  const categories = useMemo(() => [...new Set(entries.map(({ category }) => category))].sort(), [entries]);
  const statuses = ['', ...['attention', 'enabled', 'disabled', 'not_installed', 'incompatible'].filter((status) => numbers.has(status) || status === choice.status)];
  return (
    <form role="search" className={classes.tools} aria-label="Extensions" onSubmit={(event) => event.preventDefault()}>
      <div className={classes.row}>
        <TextInput
          ref={search}
          className={classes.search ?? ''}
          type="search"
          aria-label="Search extensions"
          placeholder="Search by name, purpose or tag"
          value={choice.q}
          onChange={(event) => onChange({ q: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Escape' && choice.q !== '') {
              event.preventDefault();
              onChange({ q: '' });
            }
          }}
          maxLength={200}
          autoComplete="off"
          spellCheck={false}
          aria-keyshortcuts="/"
          leftSection={<Search size={16} aria-hidden="true" />}
          rightSection={
            choice.q === '' ? (
              <Kbd size="xs" aria-hidden="true">
                /
              </Kbd>
            ) : (
              <CloseButton
                size="sm"
                aria-label="Clear the search"
                onClick={() => {
                  onChange({ q: '' });
                  search.current?.focus();
                }}
              />
            )
          }
        />
        <fieldset className={classes.chips}>
          <legend className="visually-hidden">Status</legend>
          {statuses.map((status) => (
            <button key={status} type="button" className={classes.chip} aria-pressed={choice.status === status} onClick={() => onChange({ status })}>
              {status === '' ? 'All' : status === 'attention' ? 'Needs attention' : lookOf(status).label}
              {entries.length > 0 && <span>{numbers.get(status) ?? 0}</span>}
            </button>
          ))}
        </fieldset>
      </div>
      <div className={classes.selects}>
        <NativeSelect
          label="What for"
          size="xs"
          value={choice.feature}
          onChange={(event) => onChange({ feature: event.currentTarget.value })}
          data={[
            { value: '', label: 'Anything' },
            ...groups.map(({ category, features }) => ({
              group: words(category),
              items: [{ value: `for:${category}`, label: `All of ${words(category).toLowerCase()}` }, ...features.map(({ id, name }) => ({ value: id, label: name.slice(0, 60) }))],
            })),
          ]}
        />
        <NativeSelect
          label="Category"
          size="xs"
          value={choice.category}
          onChange={(event) => onChange({ category: event.currentTarget.value })}
          data={[{ value: '', label: 'All' }, ...categories.map((category) => ({ value: category, label: words(category) }))]}
        />
        <NativeSelect
          label="On this machine"
          size="xs"
          value={choice.fit}
          onChange={(event) => onChange({ fit: event.currentTarget.value })}
          data={[
            { value: '', label: 'All' },
            { value: 'fits', label: 'Runs here' },
            { value: 'gpu', label: 'Uses the GPU' },
            { value: 'no', label: 'Does not run here' },
          ]}
        />
        <NativeSelect label="Sort by" size="xs" value={choice.sort} onChange={(event) => onChange({ sort: event.currentTarget.value })} data={[...sorts]} />
      </div>
    </form>
  );
}

// useSlash leads to a field with one key, unless something else is being typed or a dialog is open.
function useSlash(field: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement | null;
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || at?.closest('input, textarea, select, [contenteditable], [role="dialog"]')) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [field]);
}
