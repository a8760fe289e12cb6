// Whether an extension is made for this machine, as far as the catalogue and the machine's GPU tell.
import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { type Catalog, type Entry, type Features, list } from '../../api/types';

/** Machine is what the GPUs of this machine are. */
export interface Machine {
  backend: string;
  /** The memory of the largest GPU, in GB of manifests (10⁹ bytes); undefined while nobody has told. */
  vram: number | undefined;
}

/** machineOf joins what two answers tell. */
export function machineOf(catalog: Catalog | undefined, features: Features | undefined): Machine {
  const backend = catalog?.gpu_backend ?? '';
  const card = features?.gpu;
  const none = card?.name === 'None' || backend === 'cpu';
  const known = none || (card?.vramGb ?? 0) > 0;
  return { backend, vram: known ? (none ? 0 : ((card?.vramGb ?? 0) * 1024 ** 3) / 1e9) : undefined };
}

/** useMachine is the machine of this installation. */
export function useMachine(catalog: Catalog | undefined): Machine {
  const { data: features } = useQuery(queries.features());
  const { backend, vram } = machineOf(catalog, features);
  return { backend, vram };
}

/**
 * vramOf is how much GPU memory the features of an extension want, in GB: the least of them and the most. Where it has
 * features for this backend, they alone count.
 */
export function vramOf(entry: Entry, backend: string): { least: number; most: number } {
  const all = list(entry.features);
  const here = all.filter(({ gpu_backends }) => madeFor(gpu_backends, backend));
  const needs = (here.length > 0 ? here : all).map(({ requirements }) => requirements?.vram_gb ?? 0);
  return needs.length === 0 ? { least: 0, most: 0 } : { least: Math.min(...needs), most: Math.max(...needs) };
}

function madeFor(backends: readonly string[] | null | undefined, backend: string): boolean {
  const names = list(backends);
  return names.length === 0 || names.some((name) => name === backend || name === 'all' || name === 'none');
}

/** Fit is whether it runs here; undefined where nobody can tell. why is said where it does not. */
export interface Fit {
  fits: boolean | undefined;
  why: string;
}

export function fitOf(entry: Entry, machine: Machine): Fit {
  if (entry.status === 'incompatible' || !madeFor(entry.gpu_backends, machine.backend)) {
    return { fits: false, why: entry.problem || `It is made for ${list(entry.gpu_backends).join(', ')}, and this machine has ${machine.backend || 'another GPU'}.` };
  }
  const { least } = vramOf(entry, machine.backend);
  if (least <= 0) return { fits: true, why: '' };
  if (machine.vram === undefined) return { fits: undefined, why: 'Nobody has told yet how much memory the GPU has.' };
  if (least <= machine.vram) return { fits: true, why: '' };
  return { fits: false, why: machine.vram === 0 ? `It wants ${gigabytes(least)} of GPU memory, and this machine has no GPU.` : `It wants ${gigabytes(least)} of GPU memory, and the largest GPU has ${gigabytes(machine.vram)}.` };
}

/** gigabytes writes GB of manifests. */
export function gigabytes(gb: number): string {
  return `${Number(gb.toFixed(gb < 10 ? 1 : 0))} GB`;
}

/** vramText is the need in a few characters; empty where there is none. */
export function vramText(entry: Entry, backend: string): string {
  const { least, most } = vramOf(entry, backend);
  if (most <= 0) return '';
  return least === most ? `${gigabytes(most)} VRAM` : least <= 0 ? `up to ${gigabytes(most)} VRAM` : `${Number(least.toFixed(1))}–${gigabytes(most)} VRAM`;
}
