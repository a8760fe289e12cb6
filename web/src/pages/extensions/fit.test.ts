import { describe, expect, it } from 'vitest';

import type { Features } from '../../api/types';
import { fitOf, machineOf, vramOf, vramText } from './fit';
import { catalog, extension, feature } from './testing';

const invoke = extension('invokeai', { features: [feature('a', 'media', 6, ['nvidia', 'amd']), feature('b', 'media', 12, ['nvidia']), feature('c', 'media', 0, ['cpu'])] });

describe('vramOf', () => {
  it.each([
    ['nvidia', 6, 12, '6–12 GB VRAM'], ['amd', 6, 6, '6 GB VRAM'], ['cpu', 0, 0, ''], ['martian', 0, 12, 'up to 12 GB VRAM'],
  ])('on %s', (backend, least, most, text) => {
    expect(vramOf(invoke, backend)).toEqual({ least, most });
    expect(vramText(invoke, backend)).toBe(text);
  });
  it('is nothing without features', () => expect(vramOf(extension('x'), 'nvidia')).toEqual({ least: 0, most: 0 }));
});

describe('fitOf', () => {
  it.each([
    ['enough', invoke, { backend: 'nvidia', vram: 6 }, true],
    ['too little', invoke, { backend: 'nvidia', vram: 5.9 }, false],
    ['nobody knows', invoke, { backend: 'nvidia', vram: undefined }, undefined],
    ['another feature works here', invoke, { backend: 'cpu', vram: 0 }, true],
    ['needs none', extension('x'), { backend: 'nvidia', vram: undefined }, true],
    ['another GPU', extension('x', { gpu_backends: ['amd'] }), { backend: 'nvidia', vram: 24 }, false],
    ['said to be incompatible', extension('x', { status: 'incompatible' }), { backend: 'nvidia', vram: 24 }, false],
  ])('%s', (_, entry, machine, want) => {
    const fit = fitOf(entry, machine);
    expect(fit.fits).toBe(want);
    expect(fit.why === '').toBe(want === true);
  });
});

describe('machineOf', () => {
  const features = (name: string, vramGb: number) => ({ gpu: { name, vramGb, tier: 'Unknown' } }) as unknown as Features;
  it.each([
    ['nvidia', features('NVIDIA RTX A5000', 24), 25.77], ['nvidia', features('Unknown', 0), undefined], ['nvidia', features('None', 0), 0],
    ['cpu', undefined, 0], ['nvidia', undefined, undefined],
  ])('%s, %o', (backend, told, want) => {
    const { vram } = machineOf(catalog([], { gpu_backend: backend }), told);
    if (want === undefined) expect(vram).toBeUndefined();
    else expect(vram).toBeCloseTo(want, 1);
  });
});
