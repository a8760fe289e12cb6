// How an extension stands, in one word and its reason.
import type { Entry, Operation } from '../../api/types';

export interface Standing {
  /** A word of the API, for its look. */
  status: string;
  /** Where another word says it better. */
  label?: string;
  /** Why it is no better; empty where there is nothing to say. */
  why: string;
  /** What is worth knowing though nothing is wrong. */
  note?: string;
}

type Told = Pick<Entry, 'status' | 'problem' | 'runtime' | 'category'>;

/** standingOf is what a card and the head of a page say. What is being changed shows how it will be. */
export function standingOf(entry: Told, operation?: Pick<Operation, 'kind' | 'state'>): Standing {
  const wanted = operation === undefined ? undefined : wantedBy(operation.kind);
  if (wanted !== undefined) return { status: 'starting', label: wanted, why: '' };
  const { runtime } = entry;
  const why = entry.problem || runtime.reason || runtime.health_reason || '';
  if (runtime.pending) return { status: 'waiting', label: 'Waits for the host agent', why: runtime.pending };
  if (entry.status !== 'enabled') return { status: entry.status, why: entry.status === 'disabled' || entry.status === 'not_installed' ? (entry.problem ?? '') : why };
  if (entry.problem) return { status: 'failed', label: 'Takes no part', why };
  // A core service whose containers are made only when it is wanted has none, and nothing is wrong.
  if (runtime.state === 'failed' || runtime.state === 'partial' || runtime.state === 'stopped') return { status: runtime.state, why };
  // Who does not know whether it is deployed cannot say that it is down.
  if (runtime.state === 'unknown' && runtime.health !== 'healthy') return { status: 'unknown', label: runtime.health === 'down' ? 'Does not answer' : 'State unknown', why };
  if (runtime.state === 'running' && runtime.health === 'unknown') {
    return { status: 'healthy', label: 'Running', why: '', ...(why === '' ? {} : { note: why }) };
  }
  if (runtime.health) return { status: runtime.health, why: runtime.health === 'healthy' ? '' : why };
  if (runtime.state === 'running') return { status: 'healthy', label: 'Running', why: '' };
  return { status: runtime.state || entry.status, why };
}

const verbs: Record<string, string> = {
  install: 'Installing', enable: 'Enabling', disable: 'Disabling', uninstall: 'Uninstalling', start: 'Starting', stop: 'Stopping', restart: 'Restarting',
  configure: 'Configuring',
};

function wantedBy(kind: string): string | undefined {
  return Object.hasOwn(verbs, kind) ? verbs[kind] : undefined;
}

/** isOn is whether an extension is on, or is being switched on or off: a switch shows what is wanted. */
export function isOn(entry: Pick<Entry, 'status'>, wanted: string | undefined): boolean {
  if (wanted === 'enable' || wanted === 'install') return true;
  if (wanted === 'disable' || wanted === 'uninstall') return false;
  return entry.status === 'enabled';
}
