// What of the catalogue is shown, and in which order. Everything here is about one answer of the API, in memory: a key that is
// typed costs no request.
import { type Entry, list } from '../../../api/types';
import { type Machine, fitOf, vramOf } from '../fit';

/** Choice is what a person looks for. Empty means everything. */
export interface Choice {
  q: string;
  category: string;
  /** A status of the API, or attention: what is enabled and does not fare well. */
  status: string;
  fit: string;
  /** The id of a feature, or for:CATEGORY for any of a category of features. */
  feature: string;
  sort: string;
}

export const noChoice: Choice = { q: '', category: '', status: '', fit: '', feature: '', sort: '' };

/** choiceOf reads a choice from the address; addressOf writes it back. */
export function choiceOf(params: URLSearchParams): Choice {
  const of = (name: keyof Choice) => (params.get(name) ?? '').slice(0, 200);
  return { q: of('q'), category: of('category'), status: of('status'), fit: of('fit'), feature: of('feature'), sort: of('sort') };
}

export function paramsOf(choice: Choice): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(choice)) if (value !== '') params.set(name, value);
  return params;
}

/** narrows reports whether a choice leaves anything out. */
export function narrows(choice: Choice): boolean {
  return [choice.q.trim(), choice.category, choice.status, choice.fit, choice.feature].some((value) => value !== '');
}

/** Indexed is an extension with what a search looks at, made once for an answer. */
export interface Indexed {
  entry: Entry;
  name: string;
  text: string;
}

export function indexed(entries: readonly Entry[]): Indexed[] {
  return entries.map((entry) => {
    const features = list(entry.features);
    const parts = [entry.id, entry.name, entry.description, ...list(entry.tags), ...list(entry.aliases)];
    for (const feature of features) parts.push(feature.name, feature.description, feature.category);
    return { entry, name: plain(entry.name || entry.id), text: plain(parts.join('\n')) };
  });
}

// plain is a text as it is compared: without case and without the marks on letters.
function plain(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

/** found is what a choice leaves, in its order. */
export function found(all: readonly Indexed[], choice: Choice, machine: Machine): Entry[] {
  const wanted = plain(choice.q).split(/\s+/).filter(Boolean);
  const rows = all.filter(({ entry, text }) => wanted.every((word) => text.includes(word)) && passes(entry, choice, machine));
  const order = orders[choice.sort] ?? (wanted.length > 0 ? undefined : byName);
  if (order === undefined) {
    const ranks = new Map(rows.map((row) => [row, rankOf(row, wanted)]));
    return rows.sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0) || byName(a, b, machine)).map(({ entry }) => entry);
  }
  return rows.sort((a, b) => order(a, b, machine) || byName(a, b, machine)).map(({ entry }) => entry);
}

function passes(entry: Entry, choice: Choice, machine: Machine): boolean {
  if (choice.category !== '' && entry.category !== choice.category) return false;
  if (choice.status === 'attention' ? !needsAttention(entry) : choice.status !== '' && entry.status !== choice.status) return false;
  if (choice.feature !== '' && !hasFeature(entry, choice.feature)) return false;
  switch (choice.fit) {
    case '':
      return true;
    case 'gpu':
      return list(entry.grants).includes('gpu') || vramOf(entry, machine.backend).most > 0;
    case 'fits':
      return fitOf(entry, machine).fits !== false;
    default:
      return fitOf(entry, machine).fits === false;
  }
}

function hasFeature(entry: Entry, wanted: string): boolean {
  const category = wanted.startsWith('for:') ? wanted.slice(4) : undefined;
  return list(entry.features).some((feature) => (category === undefined ? feature.id === wanted : feature.category === category));
}

/** needsAttention reports whether an extension is switched on and does not fare as it should. */
export function needsAttention(entry: Entry): boolean {
  if (entry.status !== 'enabled') return false;
  return Boolean(entry.problem) || ['failed', 'partial'].includes(entry.runtime.state) || ['unhealthy', 'degraded', 'down'].includes(entry.runtime.health ?? '');
}

type Order = (a: Indexed, b: Indexed, machine: Machine) => number;

const collator = new Intl.Collator('en', { sensitivity: 'base', numeric: true });
const byName: Order = (a, b) => collator.compare(a.entry.name || a.entry.id, b.entry.name || b.entry.id) || collator.compare(a.entry.id, b.entry.id);

const statusOrder = ['enabled', 'disabled', 'not_installed', 'incompatible'];
const statusRank = ({ entry }: Indexed) => {
  if (needsAttention(entry)) return -1;
  const at = statusOrder.indexOf(entry.status);
  return at < 0 ? statusOrder.length : at;
};

const orders: Record<string, Order> = {
  name: byName,
  status: (a, b) => statusRank(a) - statusRank(b),
  rating: (a, b) => (b.entry.rating ?? 0) - (a.entry.rating ?? 0),
  vram: (a, b, { backend }) => vramOf(b.entry, backend).most - vramOf(a.entry, backend).most,
};

export const sorts: readonly { value: string; label: string }[] = [
  { value: '', label: 'Best match' },
  { value: 'name', label: 'Name' },
  { value: 'status', label: 'Status' },
  { value: 'rating', label: 'Rating' },
  { value: 'vram', label: 'VRAM' },
];

// How well an extension fits what was typed: its name before what is written about it.
function rankOf({ entry, name }: Indexed, wanted: readonly string[]): number {
  const first = wanted[0] ?? '';
  if (name === wanted.join(' ') || entry.id === first) return 0;
  if (name.startsWith(first)) return 1;
  if (name.includes(first) || entry.id.includes(first)) return 2;
  if (list(entry.tags).some((tag) => plain(tag) === first) || list(entry.aliases).some((alias) => plain(alias) === first)) return 3;
  return 4;
}

/** Counted is how many extensions have a status. */
export function counts(entries: readonly Entry[]): Map<string, number> {
  const all = new Map<string, number>([['', entries.length]]);
  for (const entry of entries) {
    all.set(entry.status, (all.get(entry.status) ?? 0) + 1);
    if (needsAttention(entry)) all.set('attention', (all.get('attention') ?? 0) + 1);
  }
  return all;
}

/** featureGroups is the features of all extensions by their category, for a list to choose from. */
export function featureGroups(entries: readonly Entry[]): { category: string; features: { id: string; name: string }[] }[] {
  const groups = new Map<string, Map<string, string>>();
  for (const entry of entries) {
    for (const { id, name, category } of list(entry.features)) {
      const group = groups.get(category) ?? new Map<string, string>();
      groups.set(category, group.set(id, name || id));
    }
  }
  return [...groups]
    .sort(([a], [b]) => collator.compare(a, b))
    .map(([category, features]) => ({
      category,
      features: [...features].map(([id, name]) => ({ id, name })).sort((a, b) => collator.compare(a.name, b.name)),
    }));
}
