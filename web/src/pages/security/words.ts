// What the words of policies mean to a person. One that is not here, from a newer API, is shown as it is.
import type { Schemas } from '../../api/types';
import { words } from '../../parts/format';
import type { Tone } from '../../parts/status';

export type Policy = Schemas['PluginStatus'];
export type Exception = Schemas['ExceptionStatus'];
export type Decision = Schemas['Record'];
export type Ruling = Schemas['Ruling'];
export type Divergence = Schemas['Divergence'];

interface Look {
  tone: Tone;
  label: string;
}

function look(table: Record<string, readonly [Tone, string]>, word: string): Look {
  const known = Object.hasOwn(table, word) ? table[word] : undefined;
  return known === undefined ? { tone: 'neutral', label: words(word).slice(0, 40) } : { tone: known[0], label: known[1] };
}

function said(table: Record<string, string>, word: string): string {
  return Object.hasOwn(table, word) ? (table[word] ?? word) : words(word);
}

/** modeOf is what an operator wants of a policy. */
export function modeOf(mode: string): Look {
  return look(
    {
      enforce: ['good', 'Enforced'],
      warn: ['warn', 'Only warns'],
      audit: ['neutral', 'Only recorded'],
      off: ['neutral', 'Off'],
    },
    mode,
  );
}

/** transportOf is how a policy is asked. */
export function transportOf(transport: string): string {
  return said({ go: 'compiled in', exec: 'a program', http: 'a server', cel: 'a rule' }, transport);
}

/** onErrorOf is what holds while a policy cannot decide. One that is not enforced stands in nobody's way then, either. */
export function onErrorOf({ on_error, mode }: Pick<Policy, 'on_error' | 'mode'>): string {
  const passed = 'it is passed over';
  return mode === 'enforce' ? said({ deny: 'nothing starts', allow: passed }, on_error) : mode === 'off' ? 'it is not asked' : passed;
}

/** hookOf is what a policy looks at. */
export function hookOf(hook: string): string {
  return said(
    {
      on_service_apply: 'services',
      on_run_apply: 'services',
      on_fleet_apply: 'GPUs and limits',
      on_volume_apply: 'volumes',
      on_gateway_apply: 'ports and networks',
    },
    hook,
  );
}

const outcomes: Record<string, readonly [Tone, string]> = {
  accepted: ['good', 'Accepted'],
  changed: ['busy', 'Changed'],
  excepted: ['warn', 'Excepted'],
  rejected: ['bad', 'Refused'],
  failed: ['bad', 'Could not decide'],
  loaded: ['good', 'Loaded'],
  locked: ['bad', 'Locked'],
  drifted: ['warn', 'Drifted'],
  mended: ['good', 'Mended'],
};

/** outcomeOf is what a decision came to. */
export function outcomeOf(outcome: string): Look {
  return look(outcomes, outcome);
}

/** knownOutcomes are those that the API filters by. */
export const knownOutcomes: readonly string[] = Object.keys(outcomes);

/** rulingOf is what one policy said. Unless it is enforced, that changed and refused nothing. */
export function rulingOf({ outcome, mode }: Pick<Ruling, 'outcome' | 'mode'>): Look {
  if (mode === 'enforce' || (outcome !== 'rejected' && outcome !== 'changed')) return outcomeOf(outcome);
  return { tone: mode === 'warn' ? 'warn' : 'neutral', label: outcome === 'rejected' ? 'Would refuse' : 'Would change' };
}

/** subjectOf is what a decision was about: Start of n8n. */
export function subjectOf({ phase, operation, extension }: Pick<Decision, 'phase' | 'operation' | 'extension'>): string {
  if (phase === 'load') return 'Policies were loaded';
  const whom = extension === undefined || extension === '' ? '' : ` ${extension}`;
  if (phase === 'audit') return `What runs was compared with what was approved${whom === '' ? '' : `:${whom}`}`;
  const what = said(operations, operation ?? '');
  const text = whom === '' ? what : `${what} of${whom}`;
  return phase === 'plan' && operation !== 'check' && operation !== 'plan' ? `Plan: ${text.charAt(0).toLowerCase()}${text.slice(1)}` : text;
}

const operations: Record<string, string> = {
  check: 'Check',
  plan: 'Plan',
  install: 'Install',
  enable: 'Enabling',
  disable: 'Disabling',
  uninstall: 'Uninstall',
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  configure: 'Configuration',
};

/** operationOf is what was done, or wanted. */
export function operationOf(operation: string): string {
  return said(operations, operation);
}

/** peerOf is who held the socket of the host agent, where that says more than who asked: of a browser it is the API itself. */
export function peerOf(actor: string, peer: string | undefined): string {
  return /^(?:session|key):/.test(actor) ? '' : (peer ?? '');
}

/** valueOf writes one side of a difference. */
export function valueOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, ' ');
}

/** digestOf is as much of a digest as people compare. */
export function digestOf(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}
