import badge from './StatusBadge.module.css';
import type { Tone } from './status';

/** ToneBadge is a badge for words that are no status: of modes, outcomes, ends. */
export function ToneBadge({ look }: { look: { tone: Tone; label: string } }) {
  return (
    <span className={badge.badge} data-tone={look.tone} data-still>
      <span className={badge.mark} aria-hidden="true" />
      {look.label}
    </span>
  );
}
