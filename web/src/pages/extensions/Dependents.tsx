import type { Entry } from '../../api/types';

const shown = 20;

/** Dependents names who is enabled and needs an extension that is being taken away. */
export function Dependents({ lost, then }: { lost: readonly Entry[]; then: string }) {
  if (lost.length === 0) return null;
  return (
    <>
      <p>
        {lost.length === 1 ? 'This one is enabled and needs it' : `These ${lost.length} are enabled and need it`}: {then}
      </p>
      <ul>
        {lost.slice(0, shown).map(({ id, name }) => (
          <li key={id} className="name">
            {name || id}
          </li>
        ))}
        {lost.length > shown && <li>… and {lost.length - shown} more</li>}
      </ul>
    </>
  );
}
