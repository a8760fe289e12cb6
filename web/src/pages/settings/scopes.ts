import type { Schemas, Scope } from '../../api/types';

export type Key = Schemas['KeyBody'];

/** scopes are all of them, the broadest first, and what each may. */
export const scopes: readonly { scope: Scope; may: string }[] = [
  { scope: 'admin', may: 'do everything: install and uninstall, change configuration, and read the logs of who did what' },
  { scope: 'operate', may: 'see what there is, logs and configuration included, and enable, disable, start and stop' },
  { scope: 'read', may: 'see extensions, features and figures, and change nothing' },
  { scope: 'metrics', may: 'read metrics, and nothing else' },
];

/** mayOf says what a scope may do. */
export function mayOf(scope: string): string {
  return scopes.find((known) => known.scope === scope)?.may ?? `do what the scope ${scope} allows`;
}

const soon = 14 * 86_400_000;

/** endOf is how the end of a key stands: expired, soon for two weeks before, and empty else. */
export function endOf({ expired, expires }: Pick<Key, 'expired' | 'expires'>, now: number): 'expired' | 'soon' | '' {
  const left = expires === undefined ? NaN : Date.parse(expires) - now;
  if (expired || left <= 0) return 'expired';
  return left <= soon ? 'soon' : '';
}

/**
 * removalOf is the command that takes a key back; undefined for the keys of extensions, which the host agent makes and takes
 * back, and for names that no key has.
 */
export function removalOf({ name, extension, created }: Pick<Key, 'name' | 'extension' | 'created'>): string | undefined {
  if (extension !== undefined && extension !== '') return undefined;
  if (name === 'admin' && created === undefined) return 'dream key rotate'; // it is the one in .env
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) ? `dream key remove ${name}` : undefined;
}
