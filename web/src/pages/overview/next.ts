import type { Feature } from '../../api/types';

/** Step is what a person does next about a feature, as far as the dashboard can do it. */
export type Step =
  | { kind: 'change'; action: 'install' | 'enable' | 'start' | 'restart'; id: string }
  | { kind: 'guide' }
  | { kind: 'look'; id: string }
  | { kind: 'command'; command: string }
  | { kind: 'none' };

/**
 * stepOf reads a feature's next step: the request of the API, else the command. on is what is switched on. What is not known is shown as the command.
 */
export function stepOf({ next, requirements }: Pick<Feature, 'next'> & { requirements?: Needs }, on: ReadonlySet<string> = new Set()): Step {
  const request = /^(GET|POST|PUT|DELETE) (\S+)$/.exec(next.request ?? '');
  if (request !== null) {
    const [, method, path = ''] = request;
    const change = /^\/api\/extensions\/([a-z0-9][a-z0-9_-]{0,62})\/(install|enable|start|restart)$/.exec(path);
    if (method === 'POST' && change !== null) {
      return { kind: 'change', action: change[2] as 'install' | 'enable' | 'start' | 'restart', id: change[1] ?? '' };
    }
    if (method === 'GET' && /^\/api\/features\/[^/]+\/enable$/.test(path)) return { kind: 'guide' };
    const look = /^\/api\/extensions\/([a-z0-9][a-z0-9_-]{0,62})\/(?:logs|config)$/.exec(path);
    if (look !== null) return { kind: 'look', id: look[1] ?? '' };
  }
  const up = /^dream up ([a-z0-9][a-z0-9_-]*)$/.exec(next.command ?? '')?.[1];
  if (up !== undefined) return { kind: 'command', command: ['dream up', up, ...others(requirements, up, on)].join(' ') };
  return next.command ? { kind: 'command', command: next.command } : { kind: 'none' };
}

type Needs = Partial<Pick<Feature['requirements'], 'services' | 'servicesAll' | 'servicesMissing'>>;

// The API names the first service that a feature lacks. One command brings up all of them that are switched on.
function others(needs: Needs | undefined, first: string, on: ReadonlySet<string>): string[] {
  const all = [...(needs?.servicesAll ?? []), ...(needs?.services ?? [])];
  return (needs?.servicesMissing ?? []).filter((id) => id !== first && all.includes(id) && on.has(id));
}

/** needsOf is what a feature takes of the machine, in words. */
export function needsOf({ requirements, setupTime }: Pick<Feature, 'requirements' | 'setupTime'>): string[] {
  const needs: string[] = [];
  const unknown: readonly string[] = requirements.unknown ?? [];
  if (requirements.vramGb > 0) needs.push(`${requirements.vramGb} GB VRAM${fit(requirements.vramOk, unknown.includes('vram'))}`);
  if (requirements.diskGb > 0) needs.push(`${requirements.diskGb} GB disk${fit(requirements.diskOk, unknown.includes('disk'))}`);
  if (!/^(?:|unknown|ready|none)$/i.test(setupTime)) needs.push(`Set-up: ${setupTime}`);
  return needs;
}

function fit(ok: boolean, unknown: boolean): string {
  if (ok) return '';
  return unknown ? ', not known whether it fits' : ', too much for this machine';
}
