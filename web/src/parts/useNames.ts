import { useQuery } from '@tanstack/react-query';

import { queries } from '../api/queries';
import { type Catalog, list } from '../api/types';

/** useNames is what extensions are called, by id; one that the catalogue does not have is called by its id. */
export function useNames(): (id: string) => string {
  const { data } = useQuery({ ...queries.catalog(), staleTime: 300_000 });
  return (id) => (data === undefined ? id : namesOf(data).get(id) || id);
}

// Made once for each answer: every row of a list asks.
const made = new WeakMap<Catalog, Map<string, string>>();

function namesOf(catalog: Catalog): Map<string, string> {
  let names = made.get(catalog);
  if (names === undefined) {
    names = new Map(list(catalog.extensions).map(({ id, name }) => [id, name]));
    made.set(catalog, names);
  }
  return names;
}
