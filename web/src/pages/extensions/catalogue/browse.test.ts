import { describe, expect, it } from 'vitest';

import { extension, feature } from '../testing';
import { choiceOf, counts, featureGroups, found, indexed, narrows, noChoice, paramsOf, type Choice } from './browse';

const machine = { backend: 'nvidia', vram: 24 };

const all = [
  extension('n8n', { name: 'n8n', description: 'Workflows', status: 'enabled', tags: ['automation'], rating: 8, runtime: { state: 'running', health: 'unhealthy' } }),
  extension('searxng', { name: 'SearXNG', description: 'Asks many engines', status: 'enabled', category: 'recommended', features: [feature('web-search', 'productivity')] }),
  extension('perplexica', { name: 'Perplexica', description: 'Answers with sources, over a search of the web', status: 'disabled', features: [feature('research', 'productivity')] }),
  extension('comfyui', { name: 'ComfyUI', features: [feature('images', 'creative', 8)], grants: ['gpu'], rating: 6 }),
  extension('flux', { name: 'Flux', features: [feature('big-images', 'creative', 40)], grants: ['gpu'], rating: 5 }),
  extension('rocm', { name: 'ROCm tool', gpu_backends: ['amd'], status: 'incompatible', installable: false }),
  extension('cafe', { name: 'Café <b>Notes</b>', aliases: ['kaffee'] }),
];

function ids(choice: Partial<Choice>): string[] {
  return found(indexed(all), { ...noChoice, ...choice }, machine).map(({ id }) => id);
}

describe('found', () => {
  it.each<[string, Partial<Choice>, string[]]>([
    ['everything, by name', {}, ['cafe', 'comfyui', 'flux', 'n8n', 'perplexica', 'rocm', 'searxng']],
    ['a name before what is written', { q: 'sear' }, ['searxng', 'perplexica']],
    ['every word has to be there', { q: 'search sources' }, ['perplexica']],
    ['tags', { q: 'AUTOMATION' }, ['n8n']],
    ['aliases', { q: 'kaffee' }, ['cafe']],
    ['without the marks on letters', { q: 'cafe <b>' }, ['cafe']],
    ['features', { q: 'creative' }, ['comfyui', 'flux']],
    ['blanks are nothing', { q: '   ' }, ['cafe', 'comfyui', 'flux', 'n8n', 'perplexica', 'rocm', 'searxng']],
    ['nothing', { q: 'no such thing' }, []],
    ['characters of patterns are characters', { q: '.*(' }, []],
    ['a category', { category: 'recommended' }, ['searxng']],
    ['a status', { status: 'disabled' }, ['perplexica']],
    ['what does not fare well', { status: 'attention' }, ['n8n']],
    ['a status that nothing has', { status: 'melting' }, []],
    ['a feature', { feature: 'images' }, ['comfyui']],
    ['a category of features', { feature: 'for:creative' }, ['comfyui', 'flux']],
    ['what runs here', { fit: 'fits', feature: 'for:creative' }, ['comfyui']],
    ['what does not', { fit: 'no' }, ['flux', 'rocm']],
    ['what uses the GPU', { fit: 'gpu' }, ['comfyui', 'flux']],
    ['the best rating first', { sort: 'rating' }, ['n8n', 'cafe', 'perplexica', 'rocm', 'searxng', 'comfyui', 'flux']],
    ['the most memory first', { sort: 'vram', feature: 'for:creative' }, ['flux', 'comfyui']],
    ['what needs attention before the rest', { sort: 'status' }, ['n8n', 'searxng', 'perplexica', 'cafe', 'comfyui', 'flux', 'rocm']],
    ['an order that nobody knows', { sort: 'taste' }, ['cafe', 'comfyui', 'flux', 'n8n', 'perplexica', 'rocm', 'searxng']],
  ])('%s', (_, choice, want) => expect(ids(choice)).toEqual(want));

  it('leaves the answer of the API as it was', () => {
    const before = all.map(({ id }) => id);
    ids({ sort: 'rating' });
    expect(all.map(({ id }) => id)).toEqual(before);
  });
});

describe('a choice in the address', () => {
  it('comes back as it was', () => {
    const choice: Choice = { q: 'a&b=<c>', category: 'core', status: 'enabled', fit: 'gpu', feature: 'for:chat', sort: 'vram' };
    expect(choiceOf(new URLSearchParams(paramsOf(choice).toString()))).toEqual(choice);
  });
  it('is short when nothing is chosen', () => expect(paramsOf(noChoice).toString()).toBe(''));
  it('is bounded', () => expect(choiceOf(new URLSearchParams({ q: 'x'.repeat(5_000) })).q).toHaveLength(200));
  it('narrows, or does not', () => {
    expect(narrows({ ...noChoice, sort: 'vram', q: ' ' })).toBe(false);
    expect(narrows({ ...noChoice, fit: 'no' })).toBe(true);
  });
});

it('counts by status', () => {
  expect([...counts(all)]).toEqual([['', 7], ['enabled', 2], ['attention', 1], ['disabled', 1], ['not_installed', 3], ['incompatible', 1]]);
});

it('features by category, each once', () => {
  expect(featureGroups([...all, extension('twice', { features: [feature('images', 'creative')] })])).toEqual([
    { category: 'creative', features: [{ id: 'big-images', name: 'big-images' }, { id: 'images', name: 'images' }] },
    { category: 'productivity', features: [{ id: 'research', name: 'research' }, { id: 'web-search', name: 'web-search' }] },
  ]);
});
