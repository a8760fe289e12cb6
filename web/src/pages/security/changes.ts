import type { Schemas } from '../../api/types';

export type Change = Schemas['Redacted'];

/** byPolicy groups what was changed by who changed it, in the order in which they first did. */
export function byPolicy(changes: readonly Change[]): { plugin: string; changes: Change[] }[] {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const group = groups.get(change.plugin);
    if (group === undefined) groups.set(change.plugin, [change]);
    else group.push(change);
  }
  return [...groups].map(([plugin, own]) => ({ plugin, changes: own }));
}
