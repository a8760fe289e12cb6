// A plan in words.
import { list } from '../../api/types';
import { grantText } from '../../operations/grants';
import { bytes, count, words } from '../../parts/format';
import type { Plan } from './usePlan';

/** Reach is who can open a port. */
export type Reach = 'machine' | 'network';

export interface PortRow {
  service: string;
  /** 127.0.0.1:7806, or a port that Docker chooses. */
  where: string;
  port: number | undefined;
  protocol: string;
  reach: Reach;
}

/** portsOf is what a plan publishes on the host. */
export function portsOf(plan: Plan): PortRow[] {
  return list(plan.ports).map(({ service, host_ip, published, protocol }) => {
    const port = /^\d+$/.test(published) ? Number(published) : undefined;
    return {
      service, port, protocol,
      where: `${host_ip.includes(':') ? `[${host_ip}]` : host_ip || '0.0.0.0'}:${published || 'a free port'}`,
      reach: host_ip.startsWith('127.') || host_ip === '::1' ? 'machine' : 'network',
    };
  });
}

/** downloadOf says what has to be fetched or built, in a sentence. */
export function downloadOf(plan: Plan): string {
  const images = list(plan.images);
  const of = (state: string) => images.filter((image) => image.state === state);
  const pulled = of('pull');
  const parts: string[] = [];
  if (pulled.length > 0) {
    const known = pulled.filter((image) => typeof image.bytes === 'number');
    const sum = known.reduce((total, image) => total + (image.bytes ?? 0), 0);
    const size =
      known.length === pulled.length ? bytes(sum) : known.length > 0 ? `at least ${bytes(sum)}` : pulled.length === 1 ? 'its registry tells how large it is when it begins' : 'their registries tell how large they are when it begins';
    parts.push(`${count(pulled.length, 'image')} to fetch: ${size}`);
  }
  if (of('build').length > 0) parts.push(`${count(of('build').length, 'image')} to build on this machine`);
  if (of('unknown').length > 0) parts.push(`${count(of('unknown').length, 'image')} of which Docker says nothing now`);
  if (parts.length === 0) return images.length === 0 ? '' : 'Nothing to fetch: every image is here already';
  return parts.join('; ');
}

const actions: Record<string, (service: string) => string> = {
  create: (service) => `${service} is created`,
  recreate: (service) => `${service} is made anew`,
  start: (service) => `${service} is started`,
  remove: (service) => `${service} is removed`,
  unknown: (service) => `${service}: nobody can tell now`,
};

/** effectsOf is what happens to containers, but for those that stay as they are. */
export function effectsOf(plan: Plan): string[] {
  return list(plan.services)
    .filter(({ action }) => action !== 'keep')
    .map(({ service, action }) => (actions[action] ?? ((name: string) => `${name}: ${words(action)}`))(service));
}

export interface Changed {
  plugin: string;
  service: string;
  /** What of it: memory limit, labels. */
  what: string;
  before: string;
  after: string;
}

/** changesOf is what policies have changed, and which of them. */
export function changesOf(plan: Plan): Changed[] {
  return list(plan.diff).map(({ path, before, after, plugin }) => {
    const [kind = '', service = '', ...rest] = path.split('.');
    const services = kind === 'services' || kind === 'volumes' || kind === 'networks';
    return { plugin, service: services ? service : '', what: (services ? rest : [kind, service, ...rest]).filter(Boolean).join(' › ') || path, before: valueOf(before), after: valueOf(after) };
  });
}

const longest = 200;

/** valueOf writes a value of a model in a line; nothing for what is not there. */
export function valueOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** saidOf is what plugins said that a person should read: refusals, failures, warnings. */
export function saidOf(plan: Plan): { plugin: string; outcome: string; text: string }[] {
  return list(plan.decisions).flatMap(({ plugin, outcome, message, warnings, mode }) => {
    const rows = list(warnings).map((text) => ({ plugin, outcome: 'warns', text }));
    if (outcome === 'rejected') rows.unshift({ plugin, outcome: mode === 'enforce' ? 'refuses' : 'would refuse', text: message ?? '' });
    if (outcome === 'failed') rows.unshift({ plugin, outcome: 'could not decide', text: message ?? '' });
    if (outcome === 'excepted') rows.unshift({ plugin, outcome: 'makes an exception', text: message ?? '' });
    return rows;
  });
}

/** differences says what another plan has that the first had not, and the other way round. */
export function differences(before: Plan, after: Plan): string[] {
  const rows = [
    ...compared('Port', portsOf(before).map(({ where, service }) => `${where} of ${service}`), portsOf(after).map(({ where, service }) => `${where} of ${service}`)),
    ...compared('Image', list(before.images).map(({ image }) => image), list(after.images).map(({ image }) => image)),
    ...compared('It may', list(before.grants.needed).map(grantText), list(after.grants.needed).map(grantText)),
    ...compared('Container', effectsOf(before), effectsOf(after)),
    ...compared('Policy', changesOf(before).map(lineOf), changesOf(after).map(lineOf)),
  ];
  if (rows.length > 0) return rows;
  const [inputs, policies] = [before.plan_hash?.split('-') ?? [], after.plan_hash?.split('-') ?? []];
  if (inputs[0] !== policies[0]) return ['Files of the extension or of the stack are others than before.'];
  if (inputs[1] !== policies[1]) return ['The policies of this machine are others than before; what would run is the same.'];
  return ['Settings that do not show here are others than before.'];
}

function lineOf({ plugin, service, what, after }: Changed): string {
  return `${plugin} changes ${[service, what].filter(Boolean).join(': ')}${after === '' ? '' : ` to ${after}`}`;
}

function compared(noun: string, before: readonly string[], after: readonly string[]): string[] {
  return [
    ...after.filter((one) => !before.includes(one)).map((one) => `${noun}, new: ${one}`),
    ...before.filter((one) => !after.includes(one)).map((one) => `${noun}, no more: ${one}`),
  ];
}
